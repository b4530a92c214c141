//! Why there is no golden machine.

use crate::failure::{Diagnose, Exit};
use crate::machine::MachineError;
use crate::machine::sandbox::NamespaceError;
use std::path::PathBuf;
use vmbuild_supervise::RunError;

/// Why there is no golden machine.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Its files.
    #[error("failed to prepare the image")]
    Io(#[from] std::io::Error),
    /// No image has this name.
    #[error("unknown image `{name}`: known are {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
        /// The most similar known name, if any is similar.
        nearest: Option<&'static str>,
    },
    /// The image is planned, and needs a kind of source that is not there yet.
    #[error("image `{name}` is not available yet: it comes with cloud images")]
    NotYet {
        /// What was asked for.
        name: String,
    },
    /// A data file inside the program is wrong.
    #[error("the description `{file}` is wrong")]
    Description {
        /// The data file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: toml::de::Error,
    },
    /// The image names a list of packages that does not exist.
    #[error("image `{image}` names the package lists `{lists}`, which do not exist")]
    NoLists {
        /// The image.
        image: String,
        /// The lists' name.
        lists: String,
    },
    /// The image has no kernel for this machine's processor.
    #[error("image `{image}` has no kernel for {arch}")]
    Architecture {
        /// The image.
        image: String,
        /// The architecture, as `uname -m` prints it.
        arch: &'static str,
    },
    /// The host's apt knows no Debian archive.
    #[error("no Debian archive is known here: {reason}")]
    NoArchive {
        /// What was looked at.
        reason: String,
    },
    /// The override is not an archive's address.
    #[error("`{value}` in VMBUILD_DEBIAN_ARCHIVE is not an http, https or file address")]
    BadArchive {
        /// Its value.
        value: String,
    },
    /// A program of the host is missing.
    #[error("`{program}` is not installed")]
    NoTool {
        /// The program.
        program: &'static str,
        /// Debian's name for the package that has it.
        package: &'static str,
    },
    /// The archive's keyring is missing.
    #[error("the archive's keyring {} does not exist", path.display())]
    NoKeyring {
        /// Where it should be.
        path: PathBuf,
    },
    /// A path that a program is to be given is not UTF-8.
    #[error("{} is not valid UTF-8", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// The archive is not what its signature or its index promises.
    #[error("the archive {archive} could not be trusted")]
    Untrusted {
        /// The archive.
        archive: String,
        /// The failed run.
        #[source]
        source: Box<Self>,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A program of the host failed in its namespaces.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The machine that installs packages, or its agent, did not do it.
    #[error("failed to install packages")]
    Machine(#[from] MachineError),
    /// The kernel package is not laid out as expected.
    #[error("{} {problem}", path.display())]
    Kernel {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A module that the image wants is neither in the kernel nor in its package.
    #[error("the kernel has no module `{module}`")]
    NoModule {
        /// The module.
        module: String,
    },
    /// A sealed file of the store cannot be read.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Nothing of the image is in the store.
    #[error("no golden machine of `{image}` is here")]
    NotHere {
        /// The image.
        image: String,
    },
    /// A golden machine that is to be deleted is needed.
    #[error("the golden machine of `{image}` is in use")]
    InUse {
        /// The image.
        image: String,
        /// The named machine that stands on it; none if another vmbuild works with it.
        by: Option<crate::machine::MachineName>,
    },
    /// The caller's cancellation.
    #[error("preparing the image was interrupted")]
    Cancelled,
}

impl Diagnose for ImageError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. }
            | Self::NotYet { .. }
            | Self::BadArchive { .. }
            | Self::NotHere { .. }
            | Self::InUse { .. } => Exit::Usage,
            Self::Untrusted { .. } => Exit::Integrity,
            Self::Cancelled => Exit::Interrupted,
            Self::Run(error) => error.exit(),
            Self::Namespace(error) => error.exit(),
            Self::Machine(error) => error.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => vec![format!("did you mean `{nearest}`?")],
            Self::NotYet { .. } => vec![format!("`--image {}` works today", super::Image::DEFAULT)],
            Self::NoArchive { .. } | Self::BadArchive { .. } => vec![
                "VMBUILD_DEBIAN_ARCHIVE names a Debian archive: the folder that holds `dists` and `pool`".to_owned(),
                "on a Debian host, `apt-get update` lets apt say which archive it uses".to_owned(),
            ],
            Self::NoTool { package, .. } => vec![format!("on Debian and Ubuntu: `apt install {package}`")],
            Self::NoKeyring { .. } => vec!["on Debian and Ubuntu: `apt install debian-archive-keyring`".to_owned()],
            Self::NotText { .. } => vec!["set VMBUILD_HOME to a folder with a plain name".to_owned()],
            Self::Damaged { path, .. } => vec![format!("delete {} to have it made again", parent(path))],
            Self::NotHere { image } => vec![format!("`vmbuild image build {image}` makes it")],
            Self::InUse { by: Some(name), .. } => vec![format!("`vmbuild destroy --name {name}` removes the machine")],
            Self::InUse { by: None, .. } => vec!["try again when the other vmbuild has ended".to_owned()],
            Self::Run(error) => error.hints(),
            Self::Namespace(error) => error.hints(),
            Self::Machine(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

fn parent(path: &std::path::Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
