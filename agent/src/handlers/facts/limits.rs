//! How much memory a control group leaves to this process, by either version of the interface.

use std::path::{Path, PathBuf};

/// The smallest memory limit in bytes of this process's control group and those above it, if there is one.
pub(super) fn memory() -> Option<u64> {
    let groups = fs_err::read_to_string("/proc/self/cgroup").ok()?;
    files(&groups, Path::new("/sys/fs/cgroup")).iter().filter_map(|file| limit(file)).min()
}

fn limit(file: &Path) -> Option<u64> {
    parse(&fs_err::read_to_string(file).ok()?)
}

/// `max` (version 2) and a number near the largest (version 1) both mean that there is no limit.
fn parse(text: &str) -> Option<u64> {
    const UNLIMITED: u64 = 1 << 60;
    text.trim().parse().ok().filter(|&bytes| bytes < UNLIMITED)
}

/// Every file that could limit this process's memory. In a container the groups' paths can be the host's, of
/// which nothing is visible here but the mount's top; that one is always among the files.
fn files(groups: &str, mount: &Path) -> Vec<PathBuf> {
    groups.lines().filter_map(|line| group_files(line, mount)).flatten().collect()
}

/// One line of `/proc/self/cgroup` is `number:controllers:path`; version 2 has the number 0 and no controllers.
fn group_files(line: &str, mount: &Path) -> Option<Vec<PathBuf>> {
    let mut fields = line.splitn(3, ':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let (top, file) = match number {
        "0" => (mount.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => (mount.join("memory"), "memory.limit_in_bytes"),
        _ => return None,
    };
    let group = Path::new(path.trim_start_matches('/'));
    Some(group.ancestors().map(|part| top.join(part).join(file)).collect())
}

#[cfg(test)]
mod tests {
    use super::{files, parse};
    use std::path::Path;

    fn check(groups: &str, expect: &[&str]) {
        let files = files(groups, Path::new("/c"));
        let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        assert_eq!(files, expect, "{groups}");
    }

    #[test]
    fn both_versions_say_where_the_limits_are() {
        check("0::/", &["/c/memory.max"]);
        check("0::/a.slice/b.scope", &["/c/a.slice/b.scope/memory.max", "/c/a.slice/memory.max", "/c/memory.max"]);
        let version_1 = "5:cpu,cpuacct:/x\n4:memory:/x\n1:name=systemd:/x\n";
        check(version_1, &["/c/memory/x/memory.limit_in_bytes", "/c/memory/memory.limit_in_bytes"]);
        check("", &[]);
    }

    #[test]
    fn no_limit_is_told_from_a_limit() {
        assert_eq!(parse("4294967296\n"), Some(1 << 32));
        assert_eq!(parse("max\n"), None);
        assert_eq!(parse("9223372036854771712\n"), None);
    }
}
