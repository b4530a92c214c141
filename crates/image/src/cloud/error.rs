//! Why there is no cloud image.

use super::keyrings;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_fetch::signature::SignatureError;

/// Why there is no cloud image.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The store's files.
    #[error("failed to keep the image in the store")]
    Io(#[from] std::io::Error),
    /// The image is none of a publisher's.
    #[error("image `{image}` is not a cloud image: it has no release to fetch or to move")]
    NotCloud {
        /// The image.
        image: String,
    },
    /// There is no such keyring.
    #[error("there is no keyring `{keyring}`")]
    NoKeyring {
        /// Its name.
        keyring: String,
    },
    /// The keyring cannot be read.
    #[error("the keyring `{keyring}` cannot be used")]
    Keyring {
        /// Its name or path.
        keyring: String,
        /// What is wrong with it.
        #[source]
        source: SignatureError,
    },
    /// The release is no longer there.
    #[error("the release {release} of `{image}` is gone: {url} answered that there is none")]
    Gone {
        /// The image.
        image: String,
        /// Its pinned release.
        release: String,
        /// Where it was.
        url: String,
    },
    /// The download failed.
    #[error("failed to download the image `{image}` from {url}: {reason}")]
    Download {
        /// The image.
        image: String,
        /// From where.
        url: String,
        /// Why.
        reason: String,
    },
    /// The store's disk is too full.
    #[error("there is no room in the store for the image `{image}`: {reason}")]
    NoSpace {
        /// The image.
        image: String,
        /// How much is missing.
        reason: String,
    },
    /// The bytes are not the pinned ones. They are deleted.
    #[error("{url} is not the image `{image}`: expected {pinned}, got {got}")]
    Mismatch {
        /// The image.
        image: String,
        /// From where.
        url: String,
        /// What is pinned.
        pinned: String,
        /// What came.
        got: String,
    },
    /// The list of checksums is there, its signature is not.
    #[error("the signature over the publisher's checksums cannot be had: {url}: {reason}")]
    NoSignature {
        /// Where it should be.
        url: String,
        /// Why.
        reason: String,
    },
    /// The signature over the list of checksums is no good.
    #[error("the signature {url} is not to be trusted")]
    Signature {
        /// The signature's address.
        url: String,
        /// What is wrong with it.
        #[source]
        source: SignatureError,
    },
    /// The signed list does not have the image.
    #[error("the publisher's checksums {url} do not list `{name}`, or contradict themselves")]
    NotListed {
        /// The list.
        url: String,
        /// The image's file name.
        name: String,
    },
    /// The signed list has another digest than the pin.
    #[error("the publisher's checksums {url} say {listed} for image `{image}`, and {pinned} is pinned")]
    PinDisagrees {
        /// The image.
        image: String,
        /// The list.
        url: String,
        /// What is pinned.
        pinned: String,
        /// What the publisher says.
        listed: String,
    },
    /// Something of the publisher's is not text.
    #[error("{url} is not text")]
    NotText {
        /// Its address.
        url: String,
    },
    /// The publisher could not be asked what there is.
    #[error("failed to ask the publisher of `{image}`: {url}: {reason}")]
    Unasked {
        /// The image.
        image: String,
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// The page that should list releases lists none.
    #[error("{url} lists no release of `{image}`")]
    NoRelease {
        /// The image.
        image: String,
        /// The page.
        url: String,
    },
    /// A description cannot be edited.
    #[error("`{file}` cannot be edited")]
    Edit {
        /// The file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: Box<toml_edit::TomlError>,
    },
    /// The caller's cancellation.
    #[error("fetching the image was interrupted")]
    Cancelled,
}

impl Diagnose for CloudError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotCloud { .. } | Self::NoKeyring { .. } | Self::Keyring { .. } | Self::Edit { .. } => Exit::Usage,
            Self::Io(_)
            | Self::NoSpace { .. }
            | Self::Gone { .. }
            | Self::Download { .. }
            | Self::Unasked { .. }
            | Self::NoRelease { .. } => Exit::Environment,
            Self::Cancelled => Exit::Interrupted,
            _ => Exit::Integrity,
        }
    }

    fn hints(&self) -> Vec<String> {
        let mirror = || "VMBUILD_CLOUD_MIRROR names a mirror, HTTPS_PROXY a proxy".to_owned();
        let bootstrapped =
            || "`--image debian-12` is made from a Debian archive, such as this host's apt uses".to_owned();
        let again =
            |image: &str| format!("to take the publisher's newest release instead: `vmbuild image update {image}`");
        match self {
            Self::NoKeyring { .. } => {
                vec![format!("known are {}; an absolute path names one of your own", keyrings::names().join(", "))]
            }
            Self::Gone { image, .. } => vec![
                format!(
                    "publishers delete dated images after some months: `vmbuild image update {image}` finds the newest one, verifies it and moves the pin"
                ),
                "VMBUILD_CLOUD_MIRROR names a mirror that may still have it, with its list of checksums".to_owned(),
            ],
            Self::Download { .. } => {
                vec!["what came so far is kept: the next run goes on from there".to_owned(), mirror(), bootstrapped()]
            }
            Self::NoSpace { .. } => vec!["make room, or set VMBUILD_HOME to a folder on a larger disk".to_owned()],
            Self::Unasked { .. } => vec![
                mirror(),
                bootstrapped(),
                "a description of your own with `signature = { kind = \"none\", reason = … }` takes the pinned digest alone"
                    .to_owned(),
            ],
            Self::NoRelease { .. } => vec![mirror()],
            Self::Mismatch { .. } => vec!["nothing was kept of it; a proxy or a mirror may have changed it".to_owned()],
            Self::PinDisagrees { image, .. } => vec![
                "one of the two was changed after the pin was made: find out which before you go on".to_owned(),
                again(image),
            ],
            Self::Signature { source, .. } => {
                let new = "a publisher with a new key needs a newer vmbuild, or a keyring of yours in the image's description";
                source.hints().into_iter().chain([new.to_owned()]).collect()
            }
            _ => Vec::new(),
        }
    }
}
