//! Errors of cloud images.

use super::keyrings;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_fetch::signature::SignatureError;

/// Why a cloud image could not be fetched or updated.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The store's files.
    #[error("failed to store the image")]
    Io(#[from] std::io::Error),
    /// The image is not a publisher's.
    #[error("image `{image}` is not a cloud image: it has no release to fetch or update")]
    NotCloud {
        /// The image.
        image: String,
    },
    /// There is no such keyring.
    #[error("unknown keyring `{keyring}`")]
    NoKeyring {
        /// Its name.
        keyring: String,
    },
    /// The keyring cannot be read.
    #[error("failed to read the keyring `{keyring}`")]
    Keyring {
        /// Its name or path.
        keyring: String,
        /// The reason.
        #[source]
        source: SignatureError,
    },
    /// The release is no longer there.
    #[error("release {release} of `{image}` no longer exists at {url}")]
    Gone {
        /// The image.
        image: String,
        /// Its pinned release.
        release: String,
        /// Its address.
        url: String,
    },
    /// The download failed.
    #[error("failed to download the image `{image}` from {url}: {reason}")]
    Download {
        /// The image.
        image: String,
        /// Its address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The store's disk is too full.
    #[error("not enough space in the store for the image `{image}`: {reason}")]
    NoSpace {
        /// The image.
        image: String,
        /// The missing amount.
        reason: String,
    },
    /// The bytes are not the pinned ones. They are deleted.
    #[error("{url} is not the image `{image}`: expected {pinned}, got {got}")]
    Mismatch {
        /// The image.
        image: String,
        /// Its address.
        url: String,
        /// The pinned digest.
        pinned: String,
        /// The digest received.
        got: String,
    },
    /// The list of checksums exists, its signature does not.
    #[error("failed to fetch the signature of the publisher's checksums {url}: {reason}")]
    NoSignature {
        /// Its address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The signature over the list of checksums does not verify.
    #[error("the signature {url} cannot be trusted")]
    Signature {
        /// The signature's address.
        url: String,
        /// The reason.
        #[source]
        source: SignatureError,
    },
    /// The signed list does not have the image.
    #[error("the publisher's checksums {url} do not list `{name}`, or list several digests for it")]
    NotListed {
        /// The list.
        url: String,
        /// The image's file name.
        name: String,
    },
    /// The signed list has another digest than the pin.
    #[error("the publisher's checksums {url} list {listed} for image `{image}`, but {pinned} is pinned")]
    PinDisagrees {
        /// The image.
        image: String,
        /// The list.
        url: String,
        /// The pinned digest.
        pinned: String,
        /// The publisher's digest.
        listed: String,
    },
    /// A file of the publisher's is not UTF-8.
    #[error("{url} is not valid UTF-8")]
    NotText {
        /// Its address.
        url: String,
    },
    /// The publisher's server did not answer.
    #[error("failed to reach the publisher of `{image}` at {url}: {reason}")]
    Publisher {
        /// The image.
        image: String,
        /// The requested address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The list of releases is empty.
    #[error("no release of `{image}` is listed at {url}")]
    NoRelease {
        /// The image.
        image: String,
        /// The page.
        url: String,
    },
    /// A description cannot be edited.
    #[error("failed to edit `{file}`")]
    Edit {
        /// The file.
        file: String,
        /// The reason.
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
            | Self::Publisher { .. }
            | Self::NoRelease { .. } => Exit::Environment,
            Self::Cancelled => Exit::Interrupted,
            _ => Exit::Integrity,
        }
    }

    fn hints(&self) -> Vec<String> {
        let mirror = || "VMBUILD_CLOUD_MIRROR names a mirror, HTTPS_PROXY a proxy".to_owned();
        let bootstrapped =
            || "`--image debian-12` is made from a Debian archive, such as the one of this host's apt".to_owned();
        let again =
            |image: &str| format!("to take the publisher's newest release instead: `vmbuild image update {image}`");
        match self {
            Self::NoKeyring { .. } => {
                vec![format!("expected {}, or an absolute path", keyrings::names().join(", "))]
            }
            Self::Gone { image, .. } => vec![
                format!(
                    "publishers delete dated images after some months: `vmbuild image update {image}` finds the newest one, verifies it and moves the pin"
                ),
                "VMBUILD_CLOUD_MIRROR names a mirror that may still have it, with its list of checksums".to_owned(),
            ],
            Self::Download { .. } => {
                vec!["the partial download is kept, and the next run resumes it".to_owned(), mirror(), bootstrapped()]
            }
            Self::NoSpace { .. } => vec!["free some space, or set VMBUILD_HOME to a folder on a larger disk".to_owned()],
            Self::Publisher { .. } => vec![
                mirror(),
                bootstrapped(),
                "a description of your own with `signature = { kind = \"none\", reason = … }` takes the pinned digest alone"
                    .to_owned(),
            ],
            Self::NoRelease { .. } => vec![mirror()],
            Self::Mismatch { .. } => vec!["the download was deleted; a proxy or a mirror may have changed it".to_owned()],
            Self::PinDisagrees { image, .. } => vec![
                "one of the two was changed after the pin was made: find out which before you continue".to_owned(),
                again(image),
            ],
            Self::Signature { source, .. } => {
                let new = "if the publisher has a new key, update vmbuild or name your own keyring in the image's description";
                source.hints().into_iter().chain([new.to_owned()]).collect()
            }
            _ => Vec::new(),
        }
    }
}
