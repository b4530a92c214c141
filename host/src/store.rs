//! Where vmbuild keeps what it needs again, and the locks that say who is using it.
//!
//! ```text
//! $VMBUILD_HOME (default: $XDG_DATA_HOME/vmbuild or ~/.local/share/vmbuild), mode 0700
//!   images/<name>/<key>/     golden trees, disks, kernel; sealed: `image.json` appears last
//!   sources/<sha256>/<file>  verified source archives
//!   machines/<name>/         named machines (`up`) and job machines (random names)
//!   packages/<sha256>.deb    packages that machines were made of
//!   locks/                   lock files that the user wrote: they go before the program's own
//!   cache/                   probes and indices: may be deleted at any time
//! ```

use crate::failure::{Diagnose, Exit};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The store's root and the paths in it.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Why the store is not usable.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Neither `VMBUILD_HOME` nor `XDG_DATA_HOME` nor `HOME` names an absolute folder.
    #[error("no place for vmbuild's store: neither VMBUILD_HOME, XDG_DATA_HOME nor HOME is an absolute path")]
    NoHome,
    /// A file or folder of the store cannot be used.
    #[error("the store is not usable")]
    Io(#[from] io::Error),
}

impl Diagnose for StoreError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        vec!["set VMBUILD_HOME to a folder on a local disk that you can write to".to_owned()]
    }
}

impl Store {
    /// Opens the store the environment names, making it where it is missing.
    pub fn from_env() -> Result<Self, StoreError> {
        let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let root = named("VMBUILD_HOME")
            .or_else(|| named("XDG_DATA_HOME").map(|data| data.join("vmbuild")))
            .or_else(|| named("HOME").map(|home| home.join(".local/share/vmbuild")))
            .ok_or(StoreError::NoHome)?;
        Self::at(&root)
    }

    /// Opens the store at an absolute path, making it where it is missing.
    pub fn at(root: &Path) -> Result<Self, StoreError> {
        if !root.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        }
        fs_err::set_permissions(root, std::fs::Permissions::from_mode(0o700))?;
        let store = Self { root: fs_err::canonicalize(root)? };
        for folder in [store.images(), store.sources(), store.machines(), store.cache()] {
            fs_err::create_dir_all(folder)?;
        }
        Ok(store)
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Golden machines.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Verified sources.
    pub fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// Machines, named and throw-away.
    pub fn machines(&self) -> PathBuf {
        self.root.join("machines")
    }

    /// Packages, by their digest.
    pub fn packages(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// The user's own lock files.
    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Probe results and indices.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }
}

/// Writes `contents` to `path`, or the file it links to, so that others see the old file or the new one, never half of
/// either. Refuses what is not a regular file.
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    let path = &vmbuild_archive::replaceable(path)?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    io::Write::write_all(&mut file, contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|refused| refused.error)?;
    sync_folder(folder)
}

/// Makes a rename in `folder` survive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    fs_err::File::open(folder)?.sync_all()
}

/// A held lock on a file. Released when dropped, or when the process dies: never stale.
#[derive(Debug)]
pub struct Lock {
    file: fs_err::File,
}

impl Lock {
    /// Takes the lock if nobody holds it.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = fs_err::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock together with others who take it like this, unless somebody holds it alone.
    pub fn try_share(path: &Path) -> io::Result<Option<Self>> {
        let file = fs_err::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.file().try_lock_shared() {
            Ok(()) => Ok(Some(Self { file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether somebody holds the lock alone. Who only looks shares the look with others, so that none of them is taken
    /// for a holder, and nobody has to wait to be sure.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        Ok(Self::try_share(path)?.is_none())
    }

    /// Takes the lock, waiting for its holder.
    pub async fn take(path: &Path, cancel: &tokio_util::sync::CancellationToken) -> io::Result<Option<Self>> {
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(Some(lock));
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(None),
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {}
            }
        }
    }

    /// A second descriptor of the same lock, for a child that is to hold it as long as it lives.
    pub fn share(&self) -> io::Result<std::os::fd::OwnedFd> {
        Ok(self.file.file().try_clone()?.into())
    }
}

/// Deletes everything in a folder, and says how many entries there were.
pub fn empty_folder(folder: &Path) -> io::Result<usize> {
    let entries = fs_err::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    for entry in &entries {
        if entry.file_type()?.is_dir() {
            fs_err::remove_dir_all(entry.path())?;
        } else {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(entries.len())
}
