//! The first root file system of a virtual machine: the agent as `/init`, and the modules it loads.
//!
//! It is not compressed: reading ten more megabytes costs less than inflating them on an emulated processor.

use super::cpio::CpioArchive;
use super::package::MODULE_ORDER;
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use vmbuild_core::blocking;
use vmbuild_core::store::write_atomically;

/// Folders that the agent mounts on or writes to before it moves to the real root.
const FOLDERS: [&str; 7] = ["dev", "modules", "newroot", "proc", "run", "sys", "tmp"];

/// The initramfs for `agent` in `folder`, created from `modules` if it does not exist. Its name carries the
/// agent's digest, so a new agent gets a new one.
pub(crate) async fn ensure_initramfs(folder: &Path, modules: &Path, agent: &Path) -> io::Result<PathBuf> {
    let (folder, modules, agent) = (folder.to_owned(), modules.to_owned(), agent.to_owned());
    blocking(move || create(&folder, &modules, &agent)).await
}

/// The name of the initramfs for `agent`.
pub(crate) fn initramfs_name(agent: &Path) -> io::Result<String> {
    Ok(name_for(&fs_err::read(agent)?))
}

/// True if a file of this name is the initramfs for some agent.
pub(crate) fn is_initramfs(name: &str) -> bool {
    name.strip_prefix("initramfs-").is_some_and(|rest| rest.strip_suffix(".cpio").is_some())
}

fn name_for(agent: &[u8]) -> String {
    format!("initramfs-{}.cpio", hex::encode(&Sha256::digest(agent)[..8]))
}

fn create(folder: &Path, modules: &Path, agent: &Path) -> io::Result<PathBuf> {
    let agent = fs_err::read(agent)?;
    let path = folder.join(name_for(&agent));
    if !path.is_file() {
        write_atomically(&path, &archive(modules, &agent)?)?;
    }
    Ok(path)
}

fn archive(modules: &Path, agent: &[u8]) -> io::Result<Vec<u8>> {
    let mut cpio = CpioArchive::new(Vec::with_capacity(agent.len() + (4 << 20)));
    for folder in FOLDERS {
        cpio.folder(folder)?;
    }
    cpio.device("dev/console", 5, 1)?;
    cpio.file("init", 0o755, agent)?;
    let order = fs_err::read(modules.join(MODULE_ORDER))?;
    cpio.file("modules/order", 0o644, &order)?;
    for name in String::from_utf8_lossy(&order).lines() {
        cpio.file(&format!("modules/{name}"), 0o644, &fs_err::read(modules.join(name))?)?;
    }
    cpio.finish()
}

#[cfg(test)]
mod tests {
    use super::ensure_initramfs;

    #[tokio::test]
    async fn equal_contents_give_equal_bytes_and_another_agent_another_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let modules = folder.path().join("modules");
        fs_err::create_dir(&modules).expect("made");
        fs_err::write(modules.join("order"), "virtio.ko\n").expect("written");
        fs_err::write(modules.join("virtio.ko"), "module").expect("written");
        let agent = folder.path().join("agent");
        fs_err::write(&agent, "one").expect("written");
        let first = ensure_initramfs(folder.path(), &modules, &agent).await.expect("made");
        let bytes = fs_err::read(&first).expect("read");
        fs_err::remove_file(&first).expect("removed");
        let again = ensure_initramfs(folder.path(), &modules, &agent).await.expect("made");
        assert_eq!((&again, fs_err::read(&again).expect("read")), (&first, bytes));
        fs_err::write(&agent, "two").expect("written");
        assert_ne!(ensure_initramfs(folder.path(), &modules, &agent).await.expect("made"), first);
    }
}
