//! Where vmbuild keeps what it needs again, and the locks that say who is using it.
//!
//! ```text
//! $VMBUILD_HOME (default: $XDG_DATA_HOME/vmbuild or ~/.local/share/vmbuild), made with mode 0700
//!   .vmbuild-store           says that the folder is a store
//!   images/<name>/<key>/     golden trees, disks, kernel; sealed: `image.json` appears last
//!   sources/<sha256>/<file>  verified source archives
//!   machines/<name>/         named machines (`up`) and job machines (random names)
//!   packages/<sha256>.deb    packages that machines were made of
//!   locks/                   lock files that the user wrote: they go before the program's own
//!   cache/                   probes, indices and traces: may be deleted at any time
//! ```

mod accept;

pub use accept::UnfitStore;

use crate::failure::{Diagnose, Exit};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The store's root and the paths in it.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Reasons why the store is not usable.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Neither `VMBUILD_HOME` nor `XDG_DATA_HOME` nor `HOME` is set.
    #[error("no location for the store: VMBUILD_HOME, XDG_DATA_HOME and HOME are all unset")]
    NoHome,
    /// A variable that leads to the store is not an absolute path.
    #[error("{variable} is not an absolute path: `{}`", path.display())]
    Relative {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// The folder exists and is unfit for a store.
    #[error("{} cannot be used as the store", path.display())]
    Unfit {
        /// The folder.
        path: PathBuf,
        /// Its defect.
        #[source]
        why: UnfitStore,
    },
    /// The root of the store cannot be created or read.
    #[error("the store {} is not usable", path.display())]
    Unusable {
        /// The root.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file or folder of the store cannot be used.
    #[error("the store is not usable")]
    Io(#[from] io::Error),
}

impl Diagnose for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Relative { .. } | Self::Unfit { why: UnfitStore::NotAFolder | UnfitStore::Foreign { .. }, .. } => {
                Exit::Usage
            }
            Self::NoHome | Self::Unfit { .. } | Self::Unusable { .. } | Self::Io(_) => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let elsewhere = match self {
            Self::Relative { variable, .. } => format!("set {variable} to an absolute path, or unset it"),
            Self::Unfit { .. } => "set VMBUILD_HOME to a folder that is empty or does not exist yet".to_owned(),
            _ => "set VMBUILD_HOME to a folder on a local disk that you can write to".to_owned(),
        };
        let close = match self {
            Self::Unfit { path, why: UnfitStore::Writable { .. } } => Some(format!("`chmod go-w {}`", path.display())),
            _ => None,
        };
        match close {
            Some(close) => vec![format!("{close} if only you use it; otherwise {elsewhere}")],
            None => vec![elsewhere],
        }
    }
}

impl Store {
    /// The store the environment names. It need not exist: a command that writes creates it first.
    pub fn from_env() -> Result<Self, StoreError> {
        Self::open(&named(|name| std::env::var_os(name))?)
    }

    /// The store at an absolute path, which need not exist. Changes nothing.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        accept::check(root)?;
        // One that does not exist has no other name.
        Ok(Self { root: fs_err::canonicalize(root).unwrap_or_else(|_| root.to_owned()) })
    }

    /// The store at an absolute path, made where it is missing.
    pub fn at(root: &Path) -> Result<Self, StoreError> {
        Self::open(root)?.create()
    }

    /// Creates what is missing of it.
    pub fn create(&self) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Unusable { path: self.root.clone(), source };
        if !self.root.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.root).map_err(unusable)?;
        }
        // Whoever was quicker may have made something else.
        let store = Self::open(&self.root)?;
        // Before anything else, and in one step: at no time does the folder look like another's.
        fs_err::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(store.root.join(accept::MARKER))
            .map_err(unusable)?;
        for folder in [store.images(), store.sources(), store.machines(), store.cache()] {
            fs_err::create_dir_all(folder).map_err(unusable)?;
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

/// The root that the environment names. Only a variable that is unset or empty leaves it to the next one.
fn named(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, StoreError> {
    let places = [("VMBUILD_HOME", None), ("XDG_DATA_HOME", Some("vmbuild")), ("HOME", Some(".local/share/vmbuild"))];
    for (name, below) in places {
        let Some(value) = variable(name).filter(|value| !value.is_empty()) else { continue };
        let path = PathBuf::from(value);
        if path.is_relative() {
            return Err(StoreError::Relative { variable: name, path });
        }
        return Ok(below.map_or(path.clone(), |below| path.join(below)));
    }
    Err(StoreError::NoHome)
}

/// The entries of a folder; none if it does not exist.
pub fn entries(folder: &Path) -> io::Result<Vec<fs_err::DirEntry>> {
    match fs_err::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
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

    /// True if somebody holds the lock alone. Checking takes it shared for a moment, so that two checks at the same time
    /// do not see each other as holders.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        Ok(Self::try_share(path)?.is_none())
    }

    /// Takes the lock, waiting for its holder.
    pub async fn take(path: &Path, cancel: &tokio_util::sync::CancellationToken) -> io::Result<Option<Self>> {
        let mut waiting = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(Some(lock));
            }
            if !waiting {
                tracing::info!("waiting for the lock {}", path.display());
                waiting = true;
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

/// Deletes everything in a folder, if it exists, and returns the number of entries.
pub fn empty_folder(folder: &Path) -> io::Result<usize> {
    let entries = entries(folder)?;
    for entry in &entries {
        if entry.file_type()?.is_dir() {
            fs_err::remove_dir_all(entry.path())?;
        } else {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(entries.len())
}

#[cfg(test)]
mod tests {
    use super::{Store, StoreError, empty_folder, named};
    use crate::failure::{Diagnose, Exit};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    fn check(variables: &[(&str, &str)], expect: Result<&str, &str>) {
        let of = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.into());
        let found = named(of).map_err(|error| error.to_string());
        assert_eq!(found.as_deref(), expect.map(Path::new).map_err(str::to_owned).as_ref().copied(), "{variables:?}");
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_store() {
        check(&[("VMBUILD_HOME", "/a"), ("XDG_DATA_HOME", "b"), ("HOME", "/c")], Ok("/a"));
        check(&[("VMBUILD_HOME", ""), ("XDG_DATA_HOME", "/b"), ("HOME", "/c")], Ok("/b/vmbuild"));
        check(&[("XDG_DATA_HOME", ""), ("HOME", "/c")], Ok("/c/.local/share/vmbuild"));
        check(&[("VMBUILD_HOME", "a"), ("HOME", "/c")], Err("VMBUILD_HOME is not an absolute path: `a`"));
        check(&[("XDG_DATA_HOME", "./b"), ("HOME", "/c")], Err("XDG_DATA_HOME is not an absolute path: `./b`"));
        check(&[], Err("no location for the store: VMBUILD_HOME, XDG_DATA_HOME and HOME are all unset"));
        let relative = StoreError::Relative { variable: "VMBUILD_HOME", path: "a".into() };
        assert_eq!(relative.exit(), Exit::Usage);
    }

    #[test]
    fn only_who_writes_makes_a_store() {
        let home = tempfile::tempdir().expect("a folder");
        let root = home.path().join("data/store");
        let store = Store::open(&root).expect("it may be made");
        assert_eq!(empty_folder(&store.cache()).expect("nothing is there"), 0);
        assert!(!home.path().join("data").exists());
        let made = store.create().expect("made");
        assert_eq!(fs_err::metadata(made.root()).expect("it is there").mode() & 0o7777, 0o700);
        assert!(made.machines().is_dir());
    }
}
