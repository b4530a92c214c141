//! Users of a golden machine, which must not be deleted under them.
//!
//! A vmbuild that works with a golden machine holds a shared lock on `images/<name>/.use-<key>`, next to the folder
//! and not in it: the lock exists before the machine does, and stays when it is deleted. A named machine outlives the
//! vmbuild that started it; its record names the files it uses.

use super::folder::GoldenFolder;
use std::io;
use std::path::Path;
use std::sync::Arc;
use vmbuild_core::store::{Lock, Store};
use vmbuild_machine::{MachineFolder, MachineName};

/// Held while a golden machine is used.
pub(crate) type UseLock = Arc<Lock>;

/// The prefix of the lock files.
const LOCK: &str = ".use-";

/// Registers this vmbuild as a user of the golden machine, which need not exist yet. Waits while it is being deleted.
pub(crate) async fn acquire_use(folder: &GoldenFolder) -> io::Result<UseLock> {
    fs_err::create_dir_all(folder.parent())?;
    loop {
        if let Some(lock) = Lock::try_share(&path(folder))? {
            return Ok(Arc::new(lock));
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// The permission to delete a golden machine, or its user.
#[derive(Debug)]
pub(crate) enum DeletePermission {
    /// No use can begin while this is held.
    Granted(Lock),
    /// Another vmbuild uses it.
    InUse,
    /// A named machine uses it.
    NeededBy(MachineName),
}

/// Asks for the permission to delete the golden machine, or `part` of it.
pub(crate) fn request_deletion(store: &Store, folder: &GoldenFolder, part: &Path) -> io::Result<DeletePermission> {
    let Some(lock) = Lock::try_take(&path(folder))? else { return Ok(DeletePermission::InUse) };
    Ok(machine_using(store, part)?.map_or(DeletePermission::Granted(lock), DeletePermission::NeededBy))
}

/// A machine whose record names a file at or below `path`.
fn machine_using(store: &Store, path: &Path) -> io::Result<Option<MachineName>> {
    for machine in MachineFolder::list(&store.machines())? {
        // An unreadable record may name anything, so the machine counts as a user.
        let uses_it = match machine.read_record() {
            Ok(record) => {
                record.is_some_and(|record| record.spec.base_files().iter().any(|file| file.starts_with(path)))
            }
            Err(_) => true,
        };
        if uses_it {
            return Ok(Some(machine.name().clone()));
        }
    }
    Ok(None)
}

fn path(folder: &GoldenFolder) -> std::path::PathBuf {
    let key = folder.path().file_name().unwrap_or_default().to_string_lossy();
    folder.parent().join(format!("{LOCK}{key}"))
}

#[cfg(test)]
mod tests {
    use super::{DeletePermission, acquire_use, request_deletion};
    use crate::golden::folder::GoldenFolder;
    use vmbuild_core::store::Store;

    #[tokio::test]
    async fn a_golden_machine_in_use_cannot_be_deleted() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::at(&home.path().join("store")).expect("a store");
        let folder = GoldenFolder::new(&store, "debian-12", "0123456789abcdef");
        let (one, two) = (acquire_use(&folder).await.expect("held"), acquire_use(&folder).await.expect("held by two"));
        let ask = || request_deletion(&store, &folder, folder.path()).expect("asked");
        assert!(matches!(ask(), DeletePermission::InUse));
        drop(one);
        assert!(matches!(ask(), DeletePermission::InUse));
        drop(two);
        assert!(matches!(ask(), DeletePermission::Granted(_)));
    }
}
