//! From a description to a verified disk in the store.

use super::cache::{CacheSlot, hash};
use super::checksum_list::listed;
use super::publisher::{ImagePublisher, PublisherAnswer};
use super::record::{CloudRecord, SCHEMA};
use super::{CloudError, CloudFile, CloudImage, CloudSettings, FileDigest, PinProvenance, SumsSignature};
use crate::description::DescriptionError;
use crate::{Image, ImageError, ImageSource};
use jiff::Timestamp;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, PhaseGuard};
use vmbuild_core::format::size;
use vmbuild_core::store::Store;
use vmbuild_fetch::download::{self, Download, FetchError};

/// Largest image, in bytes.
const LONGEST: u64 = 16 << 30;

/// A verified image in the store. The file is read-only and must stay as it is: put an overlay over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudDisk {
    /// Its path.
    pub path: PathBuf,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Its release.
    pub release: String,
    /// Its record.
    pub record: CloudRecord,
}

/// The disk of a cloud image for this machine's processor: from the store, or fetched now.
pub async fn fetch(
    image: &Image,
    store: &Store,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<CloudDisk, ImageError> {
    fetch_with(image, store, &CloudSettings::from_env(), events, cancel).await
}

/// The disk of a cloud image, with other settings than those of the environment.
pub async fn fetch_with(
    image: &Image,
    store: &Store,
    settings: &CloudSettings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<CloudDisk, ImageError> {
    let (cloud, file) = wanted(image)?;
    let slot = CacheSlot::new(store, file.digest, cloud.format);
    let fetching = CloudFetch {
        name: &image.name,
        file,
        publisher: ImagePublisher { image: cloud, store, settings, events, cancel },
    };
    Ok(fetching.run(&slot).await?)
}

/// The image in the store, if it is cached. Nothing is hashed.
pub fn cached(image: &Image, store: &Store) -> Result<Option<CloudDisk>, ImageError> {
    let (cloud, file) = wanted(image)?;
    let slot = CacheSlot::new(store, file.digest, cloud.format);
    Ok(slot.record().map(|record| disk(&slot, record)))
}

/// The folder of an image's pinned disk for this architecture; `None` for another kind of image.
pub(crate) fn folder_of(image: &Image, store: &Store) -> Option<PathBuf> {
    let (cloud, file) = wanted(image).ok()?;
    Some(CacheSlot::new(store, file.digest, cloud.format).path().to_owned())
}

fn wanted(image: &Image) -> Result<(&CloudImage, &CloudFile), ImageError> {
    let arch = std::env::consts::ARCH;
    let ImageSource::CloudImage(cloud) = &image.source else {
        return Err(CloudError::NotCloud { image: image.name.clone() }.into());
    };
    let file =
        cloud.file.get(arch).ok_or_else(|| DescriptionError::Architecture { image: image.name.clone(), arch })?;
    Ok((cloud, file))
}

fn disk(slot: &CacheSlot, record: CloudRecord) -> CloudDisk {
    CloudDisk { path: slot.disk(), sha256: record.sha256.clone(), release: record.release.clone(), record }
}

/// One fetch.
#[derive(Debug)]
struct CloudFetch<'a> {
    name: &'a str,
    file: &'a CloudFile,
    publisher: ImagePublisher<'a>,
}

impl CloudFetch<'_> {
    async fn run(&self, slot: &CacheSlot) -> Result<CloudDisk, CloudError> {
        let (events, cancel) = (self.publisher.events, self.publisher.cancel);
        let _lock = slot.lock(events, cancel).await?;
        if let Some(record) = slot.find(self.file.digest, events, cancel).await? {
            return Ok(disk(slot, record));
        }
        let provenance = self.verify_pin().await?;
        let running = events.phase(Part::Image, "download", format!("{} {}", self.name, self.release()));
        let record = self.download(slot, provenance, &running).await?;
        slot.adopt(&record)?;
        running.finish(format!("{}, {}, {}", size(record.bytes), self.file.digest.short(), record.provenance));
        Ok(disk(slot, record))
    }

    fn release(&self) -> &str {
        &self.publisher.image.release
    }

    /// Compares the pin with the publisher's signed checksums, before anything large is fetched.
    async fn verify_pin(&self) -> Result<PinProvenance, CloudError> {
        if let SumsSignature::None { reason } = &self.publisher.image.signature {
            return Ok(PinProvenance::PinAlone { reason: reason.clone() });
        }
        let arch = std::env::consts::ARCH;
        let sums = match self.publisher.sums(self.release(), arch).await? {
            PublisherAnswer::Found(sums) => sums,
            PublisherAnswer::Missing { url, reason } => return Err(self.no_checksums(url, &reason)),
        };
        let name = self.file.name_in(self.release(), arch);
        let url = || self.publisher.image.sums_url(self.release(), arch);
        match listed(&sums.text, &name) {
            Some(digest) if digest == self.file.digest => Ok(sums.provenance),
            Some(listed) => {
                let (image, pinned) = (self.name.to_owned(), self.file.digest.to_string());
                Err(CloudError::PinDisagrees { image, url: url(), pinned, listed: listed.to_string() })
            }
            None => Err(CloudError::NotListed { url: url(), name }),
        }
    }

    /// Downloads and verifies. If a resumed download does not verify, it is started over.
    async fn download(
        &self,
        slot: &CacheSlot,
        provenance: PinProvenance,
        running: &PhaseGuard,
    ) -> Result<CloudRecord, CloudError> {
        let image = self.publisher.image;
        let url = image.in_folder(&self.file.name, self.release(), std::env::consts::ARCH);
        let url = self.publisher.settings.address(&url);
        let job = Download::resumed(&url, &slot.partial(), LONGEST);
        loop {
            let received = download::fetch(&job, &self.publisher.settings.retry, running, self.publisher.cancel).await;
            let resumed = match received.map_err(|error| self.download_error(&url, error))? {
                download::DownloadAnswer::Received(received) => received.resumed,
                download::DownloadAnswer::NotModified => false,
            };
            let hashed = hash(&job.partial, self.file.digest, self.publisher.cancel).await?;
            if hashed.digest == self.file.digest {
                let Self { name, file, .. } = self;
                let (image, release) = ((*name).to_owned(), self.release().to_owned());
                let (bytes, sha256) = (hashed.bytes, hex::encode(hashed.sha256));
                let (pinned, fetched) = (file.digest, Timestamp::now());
                return Ok(CloudRecord {
                    schema: SCHEMA,
                    image,
                    release,
                    url,
                    bytes,
                    sha256,
                    pinned,
                    fetched,
                    provenance,
                });
            }
            fs_err::remove_file(&job.partial)?;
            if !resumed {
                return Err(self.mismatch(url, hashed.digest));
            }
        }
    }

    fn mismatch(&self, url: String, got: FileDigest) -> CloudError {
        CloudError::Mismatch {
            image: self.name.to_owned(),
            url,
            pinned: self.file.digest.to_string(),
            got: got.to_string(),
        }
    }

    /// Without the list nothing proves that the pin is the publisher's.
    fn no_checksums(&self, url: String, reason: &FetchError) -> CloudError {
        let image = self.name.to_owned();
        match reason {
            FetchError::Status(404 | 410) => CloudError::Gone { image, release: self.release().to_owned(), url },
            reason => CloudError::Publisher { image, url, reason: reason.to_string() },
        }
    }

    fn download_error(&self, url: &str, error: FetchError) -> CloudError {
        let (image, url) = (self.name.to_owned(), url.to_owned());
        match error {
            FetchError::Local(source) => source.into(),
            FetchError::Cancelled => CloudError::Cancelled,
            FetchError::Status(404 | 410) => CloudError::Gone { image, release: self.release().to_owned(), url },
            reason @ FetchError::NoSpace { .. } => CloudError::NoSpace { image, reason: reason.to_string() },
            reason => CloudError::Download { image, url, reason: reason.to_string() },
        }
    }
}
