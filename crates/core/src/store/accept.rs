//! Checks that a folder may be the store.
//!
//! Everything vmbuild runs as root comes out of the store, and `vmbuild clean` empties folders of it. So a folder that
//! exists is taken only if it writable by this user alone and holds nothing but a store; its mode is the user's
//! business and stays as it is.

use super::StoreError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The file that says that a folder is a store.
pub(super) const MARKER: &str = ".vmbuild-store";

/// Folders of a store from before the marker existed.
const UNMARKED: [&str; 2] = ["images", "machines"];

/// The bits of a mode that let others write.
const WRITABLE: u32 = 0o022;

/// Reasons why an existing folder cannot be the store.
#[derive(Debug, thiserror::Error)]
pub enum UnfitStore {
    /// A file, a device.
    #[error("it is not a folder")]
    NotAFolder,
    /// Another user could change what is in it at any time.
    #[error("it belongs to user {owner}, and vmbuild runs as user {user}")]
    Owner {
        /// Its owner.
        owner: u32,
        /// The effective user.
        user: u32,
    },
    /// Others may write to it, or at least add to it.
    #[error("it is writable by others (mode {mode:04o})")]
    Writable {
        /// Its mode.
        mode: u32,
    },
    /// It holds something else.
    #[error("it is neither empty nor a vmbuild store: it contains `{found}`")]
    Foreign {
        /// One of the things in it.
        found: String,
    },
}

/// Checks the folder without changing anything. A missing folder is accepted.
pub(super) fn check(root: &Path) -> Result<(), StoreError> {
    let unusable = |source| StoreError::Unusable { path: root.to_owned(), source };
    match unfit(root, rustix::process::geteuid().as_raw()) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(StoreError::Unfit { path: root.to_owned(), why }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(error)),
    }
}

fn unfit(root: &Path, user: u32) -> io::Result<Option<UnfitStore>> {
    let about = fs_err::metadata(root)?;
    if !about.is_dir() {
        return Ok(Some(UnfitStore::NotAFolder));
    }
    if about.uid() != user {
        return Ok(Some(UnfitStore::Owner { owner: about.uid(), user }));
    }
    if about.mode() & WRITABLE != 0 {
        return Ok(Some(UnfitStore::Writable { mode: about.mode() & 0o7777 }));
    }
    if root.join(MARKER).is_file() || UNMARKED.iter().all(|folder| root.join(folder).is_dir()) {
        return Ok(None);
    }
    let found = fs_err::read_dir(root)?.next().transpose()?;
    Ok(found.map(|found| UnfitStore::Foreign { found: found.file_name().to_string_lossy().into_owned() }))
}

#[cfg(test)]
mod tests {
    use super::{MARKER, UnfitStore, unfit};
    use crate::failure::{Diagnose, Exit};
    use crate::store::{Store, StoreError};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    fn mode(path: &Path) -> u32 {
        fs_err::metadata(path).expect("it exists").mode() & 0o7777
    }

    fn folder(of_mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        set(folder.path(), of_mode);
        folder
    }

    fn set(path: &Path, mode: u32) {
        fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).expect("it is ours");
    }

    fn refusal(path: &Path) -> StoreError {
        let before = (mode(path), fs_err::read_dir(path).expect("a folder").count());
        let error = Store::at(path).expect_err("refused");
        assert!(Store::open(path).is_err(), "readers are refused, too");
        assert_eq!((mode(path), fs_err::read_dir(path).expect("a folder").count()), before, "nothing is changed");
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        error
    }

    #[test]
    fn a_folder_with_other_things_is_refused_as_it_is() {
        let home = folder(0o755);
        fs_err::write(home.path().join("thesis.tex"), "").expect("a file");
        let error = refusal(home.path());
        assert!(
            matches!(&error, StoreError::Unfit { why: UnfitStore::Foreign { found }, .. } if found == "thesis.tex")
        );
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[test]
    fn a_folder_that_others_write_to_is_refused_even_if_it_is_a_store() {
        for of_mode in [0o777, 0o1777, 0o770, 0o702] {
            let home = folder(0o700);
            Store::at(home.path()).expect("a store");
            set(home.path(), of_mode);
            let error = refusal(home.path());
            assert!(matches!(error, StoreError::Unfit { why: UnfitStore::Writable { mode }, .. } if mode == of_mode));
            assert_eq!(error.exit(), Exit::Environment);
            assert!(error.hints()[0].starts_with("`chmod go-w "), "{:?}", error.hints());
        }
    }

    #[test]
    fn another_users_folder_is_refused() {
        let home = folder(0o755);
        let (owner, user) = (fs_err::metadata(home.path()).expect("ours").uid(), 12345);
        let why = unfit(home.path(), user).expect("looked at").expect("refused");
        assert_eq!(why.to_string(), format!("it belongs to user {owner}, and vmbuild runs as user {user}"));
    }

    #[test]
    fn an_empty_folder_becomes_a_store_and_keeps_its_mode() {
        let home = folder(0o755);
        let store = Store::at(home.path()).expect("a store");
        assert!(home.path().join(MARKER).is_file() && store.images().is_dir());
        assert_eq!(mode(home.path()), 0o755);
        Store::at(home.path()).expect("again");
    }

    #[test]
    fn a_store_without_a_marker_gets_one_from_who_writes() {
        let home = folder(0o700);
        for name in ["images", "machines", "anything"] {
            fs_err::create_dir(home.path().join(name)).expect("a folder");
        }
        Store::open(home.path()).expect("accepted");
        assert!(!home.path().join(MARKER).exists());
        Store::at(home.path()).expect("accepted");
        assert!(home.path().join(MARKER).is_file());
    }

    #[test]
    fn a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = Store::open(file.path()).expect_err("refused");
        assert!(matches!(error, StoreError::Unfit { why: UnfitStore::NotAFolder, .. }), "{error:?}");
    }
}
