//! A control group for one machine: its memory limit and processor quota, where we may create one.
//!
//! Version 2 works for users to whom systemd delegated a subtree (everything started in a desktop session), and
//! for root; version 1 only where the group's folder is writable. Where neither is, a machine still runs:
//! processors are limited by affinity, memory is not, and the user is warned.

use crate::MachineFolder;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file in a machine's folder that lists its groups, for cleaning up.
const LIST: &str = "cgroups";
const PREFIX: &str = "vmbuild-";

/// The groups of one machine: none, one (version 2), or one for each controller (version 1).
#[derive(Debug, Default)]
pub(super) struct MachineCgroups {
    made: Vec<CreatedGroup>,
}

#[derive(Debug)]
struct CreatedGroup {
    path: PathBuf,
    limits_memory: bool,
}

/// Limits of a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct CgroupLimits {
    /// Processors.
    pub(super) cpus: u32,
    /// Memory in MiB.
    pub(super) memory_mib: u64,
}

impl MachineCgroups {
    /// Creates the groups that can be created, and lists them in the machine's folder.
    pub(super) fn make(folder: &MachineFolder, limits: CgroupLimits) -> io::Result<Self> {
        let name = format!("{PREFIX}{}-{}", folder.name(), std::process::id());
        let (mounts, own) =
            (fs_err::read_to_string("/proc/self/mounts")?, fs_err::read_to_string("/proc/self/cgroup")?);
        let groups = Self { made: make_all(&hierarchies(&mounts, &own), &name, limits) };
        let list: Vec<String> = groups.made.iter().map(|made| format!("{}\n", made.path.display())).collect();
        fs_err::write(folder.file(LIST), list.concat())?;
        Ok(groups)
    }

    /// Returns true if memory is limited for admitted processes.
    pub(super) fn limit_memory(&self) -> bool {
        self.made.iter().any(|made| made.limits_memory)
    }

    /// Moves a process in; returns true if its memory is limited now.
    pub(super) fn admit(&self, pid: u32) -> bool {
        let mut limited = false;
        for made in &self.made {
            let moved = fs_err::write(made.path.join("cgroup.procs"), pid.to_string()).is_ok();
            limited |= moved && made.limits_memory;
        }
        limited
    }
}

/// Removes a machine's groups once its processes are gone. Retries for a while: the kernel releases them with a delay.
pub(super) async fn remove_cgroups(folder: &MachineFolder) {
    let Ok(list) = fs_err::read_to_string(folder.file(LIST)) else {
        return;
    };
    for path in list.lines().map(Path::new).filter(|path| is_ours(path)) {
        for _ in 0..40 {
            match fs_err::remove_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                _ => break,
            }
        }
    }
}

fn is_ours(path: &Path) -> bool {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
    named && path.join("cgroup.procs").exists()
}

/// Where a hierarchy is mounted and where in it this process is.
#[derive(Debug, PartialEq, Eq)]
struct CgroupHierarchy {
    version: CgroupVersion,
    top: PathBuf,
    own: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CgroupVersion {
    /// All controllers.
    Two,
    /// Version 1, memory.
    OneMemory,
    /// Version 1, processor time.
    OneCpu,
}

/// Formats: `proc_mounts(5)`, and `/proc/[pid]/cgroup` in `cgroups(7)`.
fn hierarchies(mounts: &str, own: &str) -> Vec<CgroupHierarchy> {
    let mounted = |line: &str| -> Option<CgroupHierarchy> {
        let mut fields = line.split(' ').skip(1);
        let (top, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let has = |word: &str| options.split(',').any(|option| option == word);
        let (version, controller) = match kind {
            "cgroup2" => (CgroupVersion::Two, ""),
            "cgroup" if has("memory") => (CgroupVersion::OneMemory, "memory"),
            "cgroup" if has("cpu") => (CgroupVersion::OneCpu, "cpu"),
            _ => return None,
        };
        let own = own.lines().find_map(|line| group_of(line, controller))?;
        Some(CgroupHierarchy { version, top: top.into(), own: Path::new(top).join(own.trim_start_matches('/')) })
    };
    mounts.lines().filter_map(mounted).collect()
}

/// The path in `7:cpu,cpuacct:/path` if the line is about `controller`.
fn group_of<'a>(line: &'a str, controller: &str) -> Option<&'a str> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    controllers.split(',').any(|word| word == controller).then_some(path)
}

fn make_all(hierarchies: &[CgroupHierarchy], name: &str, limits: CgroupLimits) -> Vec<CreatedGroup> {
    let bytes = (limits.memory_mib << 20).to_string();
    let quota = u64::from(limits.cpus) * 100_000;
    let make = |hierarchy: &CgroupHierarchy| match hierarchy.version {
        CgroupVersion::Two => make_second(hierarchy, name, &bytes, quota),
        CgroupVersion::OneMemory => make_first(hierarchy, name, "memory.limit_in_bytes", &bytes),
        CgroupVersion::OneCpu => make_first(hierarchy, name, "cpu.cfs_quota_us", &quota.to_string()),
    };
    hierarchies.iter().filter_map(make).collect()
}

fn make_first(hierarchy: &CgroupHierarchy, name: &str, knob: &str, value: &str) -> Option<CreatedGroup> {
    let path = hierarchy.own.join(name);
    fs_err::create_dir(&path).ok()?;
    set_or_remove(path, knob, value, hierarchy.version == CgroupVersion::OneMemory)
}

/// A group with processes in it cannot pass controllers on, so the new group may have to be a sibling of ours,
/// or of our parent. (cgroups(7), "no internal processes".)
fn make_second(hierarchy: &CgroupHierarchy, name: &str, bytes: &str, quota: u64) -> Option<CreatedGroup> {
    let above = hierarchy.own.ancestors().take_while(|folder| folder.starts_with(&hierarchy.top));
    above.filter(|folder| passes_memory_on(folder, &hierarchy.own)).find_map(|folder| {
        let path = folder.join(name);
        fs_err::create_dir(&path).ok()?;
        // Affinity limits processors already; where the controller is missing nothing is lost.
        let _ = fs_err::write(path.join("cpu.max"), format!("{quota} 100000"));
        set_or_remove(path, "memory.max", bytes, true)
    })
}

/// Returns true if groups below `folder` get a memory controller. It is enabled only in our own group.
fn passes_memory_on(folder: &Path, own: &Path) -> bool {
    let control = folder.join("cgroup.subtree_control");
    let on = fs_err::read_to_string(&control).is_ok_and(|words| words.split_whitespace().any(|word| word == "memory"));
    on || (folder == own && fs_err::write(control, "+memory").is_ok())
}

fn set_or_remove(path: PathBuf, knob: &str, value: &str, limits_memory: bool) -> Option<CreatedGroup> {
    if fs_err::write(path.join(knob), value).is_ok() {
        return Some(CreatedGroup { path, limits_memory });
    }
    // An empty group of ours: if it cannot be removed either, it costs nothing.
    let _ = fs_err::remove_dir(path);
    None
}

#[cfg(test)]
mod tests {
    use super::{CgroupHierarchy, CgroupVersion, hierarchies};

    fn check(mounts: &str, own: &str, expect: &[(CgroupVersion, &str, &str)]) {
        let expect: Vec<CgroupHierarchy> = expect
            .iter()
            .map(|(version, top, own)| CgroupHierarchy { version: *version, top: top.into(), own: own.into() })
            .collect();
        assert_eq!(hierarchies(mounts, own), expect);
    }

    #[test]
    fn both_versions_are_found_where_they_are_mounted() {
        check("proc /proc proc rw 0 0\n", "0::/\n", &[]);
        check(
            "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n",
            "0::/user.slice/a.scope\n",
            &[(CgroupVersion::Two, "/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/a.scope")],
        );
        check(
            "c /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\nc /sys/fs/cgroup/memory cgroup rw,memory 0 0\n",
            "4:memory:/job\n3:cpu,cpuacct:/\n",
            &[
                (CgroupVersion::OneCpu, "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu/"),
                (CgroupVersion::OneMemory, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/job"),
            ],
        );
        check("c /sys/fs/cgroup/memory cgroup rw,memory 0 0\n", "3:cpu:/\n", &[]);
    }
}
