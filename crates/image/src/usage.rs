//! Who needs a golden machine now, so that nobody deletes it from under them.
//!
//! A vmbuild that works with a golden machine holds a shared lock on `images/<name>/.use-<key>`, beside the folder
//! and not in it: the lock is there before the machine is, and stays when it is deleted. A named machine outlives
//! the vmbuild that started it; its record names the files it stands on.

use super::folder::GoldenFolder;
use std::io;
use std::path::Path;
use std::sync::Arc;
use vmbuild_core::store::{Lock, Store};
use vmbuild_machine::{MachineFolder, MachineName};

/// Held while a golden machine is used.
pub(super) type Use = Arc<Lock>;

/// The prefix of the lock files.
pub(super) const LOCK: &str = ".use-";

/// Says that this vmbuild uses the golden machine, which need not exist yet. Waits for one that is being deleted.
pub(super) async fn hold(folder: &GoldenFolder) -> io::Result<Use> {
    fs_err::create_dir_all(folder.parent())?;
    loop {
        if let Some(lock) = Lock::try_share(&path(folder))? {
            return Ok(Arc::new(lock));
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// The right to delete it, or who needs it.
#[derive(Debug)]
pub(super) enum Deletable {
    /// Nobody may begin to use it while this is held.
    Yes(Lock),
    /// Another vmbuild works with it.
    Used,
    /// A named machine stands on it.
    NeededBy(MachineName),
}

/// Asks for the right to delete the golden machine, or `part` of it.
pub(super) fn deletable(store: &Store, folder: &GoldenFolder, part: &Path) -> io::Result<Deletable> {
    let Some(lock) = Lock::try_take(&path(folder))? else { return Ok(Deletable::Used) };
    Ok(machine_on(store, part)?.map_or(Deletable::Yes(lock), Deletable::NeededBy))
}

/// A machine whose record names a file at or below `path`.
pub(super) fn machine_on(store: &Store, path: &Path) -> io::Result<Option<MachineName>> {
    for machine in MachineFolder::list(&store.machines())? {
        // A record that cannot be read may name anything: the machine counts as one that does.
        let stands_on = match machine.read_record() {
            Ok(record) => {
                record.is_some_and(|record| record.spec.base_files().iter().any(|file| file.starts_with(path)))
            }
            Err(_) => true,
        };
        if stands_on {
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
    use super::{Deletable, deletable, hold};
    use crate::folder::GoldenFolder;
    use vmbuild_core::store::Store;

    #[tokio::test]
    async fn what_is_held_is_not_deletable() {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::at(&home.path().join("store")).expect("a store");
        let folder = GoldenFolder::new(&store, "debian-12", "0123456789abcdef");
        let (one, two) = (hold(&folder).await.expect("held"), hold(&folder).await.expect("held by two"));
        let ask = || deletable(&store, &folder, folder.path()).expect("asked");
        assert!(matches!(ask(), Deletable::Used));
        drop(one);
        assert!(matches!(ask(), Deletable::Used));
        drop(two);
        assert!(matches!(ask(), Deletable::Yes(_)));
    }
}
