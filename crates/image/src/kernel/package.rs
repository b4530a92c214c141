//! The kernel that boots an image's disk, and the modules it needs before the root file system is there.
//!
//! The package is unpacked, not installed. Its modules come without an index, so dependencies are read from the
//! modules themselves; `modules/order` then lists file names in an order in which they can be loaded.

use super::KernelError;
use super::module_info::{depends, normal};
use crate::ImageError;
use crate::host_tool::{HostTool, path_text};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// The file that lists the modules, one file name a line, in the order of loading.
pub(crate) const MODULE_ORDER: &str = "order";

/// Unpacking takes about two seconds.
const LIMIT: Duration = Duration::from_mins(5);

/// A module's dependencies by its name.
type ModuleDependencies = BTreeMap<String, Vec<String>>;

/// Unpacks the kernel package `deb` next to itself and fills `into` from it, as [`collect_from_tree`] does.
pub(crate) async fn extract_package(
    deb: &Path,
    wanted: &[String],
    into: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ImageError> {
    let unpacked = deb.with_extension("unpacked");
    let command = Command::new("dpkg-deb").arg("--extract").arg(deb).arg(&unpacked);
    command.run(Deadline::after(LIMIT), cancel, |_| ()).await?;
    let order = collect_from_tree(&unpacked, wanted, into, cancel).await?;
    fs_err::remove_dir_all(unpacked)?;
    Ok(order)
}

/// Fills `into` from the newest kernel that is installed in `tree`: `vmlinuz`, `modules/`. Returns the modules in the
/// order of loading.
pub(crate) async fn collect_from_tree(
    tree: &Path,
    wanted: &[String],
    into: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<String>, ImageError> {
    fs_err::create_dir_all(into.join("modules"))?;
    let (vmlinuz, release) = kernel_in(&tree.join("boot"))?;
    // Only root may read Ubuntu's kernels; here that may be root of a namespace.
    let install = HostTool::new("install", "coreutils", into)?.args(["--mode=0444", "--"]);
    install.args([path_text(&vmlinuz)?, "vmlinuz".to_owned()]).run(cancel, |_| ()).await?;
    let package = ModulePackage::open(tree, &release)?;
    let needs = package.copy(wanted, &into.join("modules"), cancel).await?;
    let order = load_order(wanted, &needs);
    let lines: Vec<String> = order.iter().map(|name| format!("{name}.ko\n")).collect();
    fs_err::write(into.join("modules").join(MODULE_ORDER), lines.concat())?;
    Ok(order)
}

/// Orders kernel releases: runs of digits by value, anything else by its letters.
pub(crate) fn compare_releases(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u64, String)> {
        let words = text.split(|sign: char| !sign.is_ascii_alphanumeric());
        words.map(|word| (word.parse().unwrap_or(0), word.to_owned())).collect()
    };
    parts(one).cmp(&parts(other))
}

/// The newest kernel image in a `boot` folder, and its release.
fn kernel_in(boot: &Path) -> Result<(PathBuf, String), ImageError> {
    let mut releases = Vec::new();
    for entry in fs_err::read_dir(boot)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        releases.extend(name.strip_prefix("vmlinuz-").map(str::to_owned));
    }
    let newest = releases.into_iter().max_by(|one, other| compare_releases(one, other));
    let release = newest.ok_or_else(|| KernelError::Layout { path: boot.to_owned(), problem: "holds no vmlinuz" })?;
    Ok((boot.join(format!("vmlinuz-{release}")), release))
}

/// The modules of an unpacked kernel package.
#[derive(Debug)]
struct ModulePackage {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

impl ModulePackage {
    fn open(unpacked: &Path, release: &str) -> Result<Self, ImageError> {
        let places = ["lib/modules", "usr/lib/modules"].map(|folder| unpacked.join(folder).join(release));
        let [first, _] = &places;
        let problem = "does not exist in the kernel package";
        let missing = || KernelError::Layout { path: first.clone(), problem };
        let root = places.iter().find(|path| path.is_dir()).ok_or_else(missing)?;
        let mut files = BTreeMap::new();
        index(root, &mut files)?;
        let builtin = fs_err::read_to_string(root.join("modules.builtin"))?;
        Ok(Self { files, builtin: builtin.lines().filter_map(|line| module_name(Path::new(line))).collect() })
    }

    /// Copies the wanted modules and their dependencies into `to`, uncompressed. Built-in ones are left out.
    async fn copy(
        &self,
        wanted: &[String],
        to: &Path,
        cancel: &CancellationToken,
    ) -> Result<ModuleDependencies, ImageError> {
        let mut needs = ModuleDependencies::new();
        let mut open: Vec<String> = wanted.iter().map(|name| normal(name)).collect();
        while let Some(name) = open.pop() {
            if self.builtin.contains(&name) || needs.contains_key(&name) {
                continue;
            }
            let path = self.files.get(&name).ok_or_else(|| KernelError::NoModule { module: name.clone() })?;
            let module = uncompressed(path, cancel).await?;
            let problem = "is not a kernel module";
            let direct = depends(&module).ok_or_else(|| KernelError::Layout { path: path.clone(), problem })?;
            fs_err::write(to.join(format!("{name}.ko")), module)?;
            open.extend(direct.iter().cloned());
            needs.insert(name, direct);
        }
        Ok(needs)
    }
}

/// Finds every module below `folder`.
fn index(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), ImageError> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            index(&entry.path(), files)?;
        } else if let Some(name) = module_name(&entry.path()) {
            files.insert(name, entry.path());
        }
    }
    Ok(())
}

/// `virtio_blk` for `…/virtio-blk.ko`, `.ko.xz`, `.ko.zst`, `.ko.gz`.
fn module_name(path: &Path) -> Option<String> {
    let (name, rest) = path.file_name()?.to_str()?.split_once(".ko")?;
    matches!(rest, "" | ".xz" | ".zst" | ".gz").then(|| normal(name))
}

/// A module's bytes. Debian's kernels from 13 on compress them; the kernel is handed plain ones.
async fn uncompressed(path: &Path, cancel: &CancellationToken) -> Result<Vec<u8>, ImageError> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return Ok(fs_err::read(path)?),
    };
    let command = Command::new(program).args(["-d", "-c"]).arg(path);
    Ok(command.output(Deadline::after(LIMIT), cancel).await?)
}

/// The modules in `needs`, each after those it depends on; otherwise as wanted.
fn load_order(wanted: &[String], needs: &ModuleDependencies) -> Vec<String> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for name in wanted {
        place(&normal(name), needs, &mut seen, &mut order);
    }
    order
}

fn place(name: &str, needs: &ModuleDependencies, seen: &mut BTreeSet<String>, order: &mut Vec<String>) {
    let Some(direct) = needs.get(name) else { return };
    if !seen.insert(name.to_owned()) {
        return;
    }
    for dependency in direct {
        place(dependency, needs, seen, order);
    }
    order.push(name.to_owned());
}

#[cfg(test)]
mod tests {
    use super::super::module_info::tests::module;
    use super::{ModuleDependencies, ModulePackage, load_order, module_name};
    use crate::ImageError;
    use crate::kernel::KernelError;
    use std::path::Path;
    use tokio_util::sync::CancellationToken;
    use vmbuild_supervise::{Command, Deadline};

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn check(wanted: &[&str], needs: &[(&str, &[&str])], expect: &[&str]) {
        let needs: ModuleDependencies =
            needs.iter().map(|(name, direct)| ((*name).to_owned(), owned(direct))).collect();
        assert_eq!(load_order(&owned(wanted), &needs), expect);
    }

    #[test]
    fn dependencies_are_loaded_first_and_once() {
        check(&[], &[], &[]);
        check(&["ext4"], &[], &[]);
        check(&["b", "a"], &[("a", &[]), ("b", &[])], &["b", "a"]);
        let ring: &[&str] = &["virtio"];
        let needs = [("virtio-blk", ring), ("virtio_blk", &["virtio", "ring"]), ("ring", ring), ("virtio", &[])];
        check(&["virtio-blk"], &needs, &["virtio", "ring", "virtio_blk"]);
        check(&["a"], &[("a", &["b"]), ("b", &["a"])], &["b", "a"]);
    }

    #[test]
    fn names_modules() {
        let check =
            |path: &str, expect: Option<&str>| assert_eq!(module_name(Path::new(path)).as_deref(), expect, "{path}");
        check("kernel/fs/ext4/ext4.ko", Some("ext4"));
        check("kernel/net/virtio-net.ko.xz", Some("virtio_net"));
        check("modules.order", None);
        check("a.ko.sig", None);
    }

    /// A package with one plain, one compressed and one built-in module.
    async fn package(root: &Path) -> bool {
        let folder = root.join("lib/modules/6.1/kernel/drivers");
        fs_err::create_dir_all(&folder).expect("made");
        fs_err::write(folder.join("virtio.ko"), module(b"depends=\0")).expect("written");
        fs_err::write(folder.join("virtio-blk.ko"), module(b"depends=virtio,blk-mq\0")).expect("written");
        fs_err::write(root.join("lib/modules/6.1/modules.builtin"), "kernel/block/blk-mq.ko\n").expect("written");
        let xz = Command::new("xz").arg(folder.join("virtio.ko"));
        xz.run(Deadline::after(std::time::Duration::from_secs(30)), &CancellationToken::new(), |_| ()).await.is_ok()
    }

    #[tokio::test]
    async fn copies_what_is_needed() {
        let root = tempfile::tempdir().expect("a folder");
        if !package(root.path()).await {
            println!("skipped: xz is not installed");
            return;
        }
        let modules = ModulePackage::open(root.path(), "6.1").expect("a package");
        let to = tempfile::tempdir().expect("a folder");
        let wanted = owned(&["virtio_blk", "blk_mq"]);
        let needs = modules.copy(&wanted, to.path(), &CancellationToken::new()).await.expect("copied");
        assert_eq!(load_order(&wanted, &needs), ["virtio", "virtio_blk"]);
        assert_eq!(fs_err::read(to.path().join("virtio.ko")).expect("copied"), module(b"depends=\0"));
        let missing = modules.copy(&owned(&["floppy"]), to.path(), &CancellationToken::new()).await;
        assert!(matches!(missing, Err(ImageError::Kernel(KernelError::NoModule { module })) if module == "floppy"));
    }
}
