//! A publisher's list of checksums, trusted only with a good signature.

use super::keyrings::keyring;
use super::{CloudError, CloudImage, CloudSettings, PinProvenance, SumsSignature};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_fetch::download::{Download, FetchError, fetch};
use vmbuild_fetch::signature::{KeyTime, verify_cleartext, verify_detached};

/// Largest list, signature or page, in bytes.
const LONGEST: u64 = 16 << 20;

/// Access to a publisher, for one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct ImagePublisher<'a> {
    pub(super) image: &'a CloudImage,
    pub(super) store: &'a Store,
    pub(super) settings: &'a CloudSettings,
    pub(super) events: &'a Events,
    pub(super) cancel: &'a CancellationToken,
}

/// A list of checksums, and its provenance.
#[derive(Debug)]
pub(super) struct ChecksumList {
    pub(super) text: String,
    pub(super) provenance: PinProvenance,
}

/// The publisher's answer to a request for the list.
#[derive(Debug)]
pub(super) enum PublisherAnswer {
    Found(ChecksumList),
    /// It could not be fetched.
    Missing {
        url: String,
        reason: FetchError,
    },
}

impl ImagePublisher<'_> {
    /// The list of checksums of `release`. A list with a bad or missing signature is an error; a missing list is not.
    pub(super) async fn sums(&self, release: &str, arch: &str) -> Result<PublisherAnswer, CloudError> {
        let url = self.image.sums_url(release, arch);
        let list = match self.get(&url).await {
            Ok(list) => list,
            Err(FetchError::Local(source)) => return Err(source.into()),
            Err(FetchError::Cancelled) => return Err(CloudError::Cancelled),
            Err(reason) => return Ok(PublisherAnswer::Missing { url, reason }),
        };
        let bad = |url: &str| {
            let url = url.to_owned();
            move |source| CloudError::Signature { url, source }
        };
        let (text, provenance) = match &self.image.signature {
            SumsSignature::Detached { file, keyring: name } => {
                let signature_url = self.image.in_folder(file, release, arch);
                let signature =
                    self.get(&signature_url).await.map_err(|error| missing_signature(&signature_url, error))?;
                let signer =
                    verify_detached(&keyring(name)?, &list, &signature, KeyTime::Now).map_err(bad(&signature_url))?;
                (text_of(list, &url)?, PinProvenance::Publisher { signer })
            }
            SumsSignature::Cleartext { keyring: name } => {
                let (text, signer) = verify_cleartext(&keyring(name)?, &list, KeyTime::Now).map_err(bad(&url))?;
                (text, PinProvenance::Publisher { signer })
            }
            SumsSignature::None { reason } => {
                (text_of(list, &url)?, PinProvenance::PinAlone { reason: reason.clone() })
            }
        };
        Ok(PublisherAnswer::Found(ChecksumList { text, provenance }))
    }

    /// A small file.
    pub(super) async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let folder = tempfile::Builder::new().prefix("cloud-").tempdir_in(self.store.cache())?;
        let partial = folder.path().join("file");
        let address = self.settings.address(url);
        let running = self.events.phase(Part::Image, "ask", address.clone());
        fetch(&Download::fresh(&address, &partial, LONGEST), &self.settings.retry, &running, self.cancel).await?;
        running.finish("");
        Ok(fs_err::read(&partial)?)
    }
}

/// A list without its signature cannot be trusted.
fn missing_signature(url: &str, error: FetchError) -> CloudError {
    match error {
        FetchError::Local(source) => source.into(),
        FetchError::Cancelled => CloudError::Cancelled,
        reason => CloudError::NoSignature { url: url.to_owned(), reason: reason.to_string() },
    }
}

fn text_of(bytes: Vec<u8>, url: &str) -> Result<String, CloudError> {
    String::from_utf8(bytes).map_err(|_| CloudError::NotText { url: url.to_owned() })
}
