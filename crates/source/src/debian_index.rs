//! The `Sources` index of one suite, cached in the store.
//!
//! Its signature is not verified: it only gives the place of a file whose digest is pinned already. A forged index can
//! at worst name a file that is then rejected.

use crate::pool_file::{self, PoolFile};
use crate::settings::{LONGEST, below};
use jiff::{SignedDuration, Timestamp};
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::Sha256;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Lock, Store, write_atomically};
use vmbuild_fetch::download::{Download, DownloadAnswer, FetchError, RetryPolicy, Validators, fetch};

/// Age from which an index is refreshed.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// Memory limit of the decompressor: more than any preset of xz needs (65 MiB).
const MEMORY: u64 = 128 << 20;

/// One suite's index at one archive.
#[derive(Debug, Clone)]
pub(super) struct SourcesIndex {
    url: String,
    file: PathBuf,
    about: PathBuf,
}

/// The record of a cached index.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexInfo {
    schema: u8,
    url: String,
    asked: Timestamp,
    validators: Validators,
}

const SCHEMA: u8 = 1;

impl SourcesIndex {
    pub(super) fn of(store: &Store, archive: &str, suite: &str) -> Self {
        let url = below(archive, &format!("dists/{suite}/main/source/Sources.xz"));
        let key = Sha256::from(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&url))).short();
        let at = |ending: &str| store.cache().join(format!("debian-sources-{key}.{ending}"));
        Self { file: at("xz"), about: at("json"), url }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Refreshes the cached index if it is older than a day. One that cannot be refreshed is used as it is: a stale path
    /// ends in a 404, never in wrong bytes.
    pub(super) async fn refresh(
        &self,
        retry: &RetryPolicy,
        events: &Events,
        cancel: &CancellationToken,
    ) -> Result<(), FetchError> {
        let Some(_lock) = Lock::take(&self.file.with_extension("lock"), cancel).await? else {
            return Err(FetchError::Cancelled);
        };
        let kept = self.kept();
        if kept.as_ref().is_some_and(|about| Timestamp::now().duration_since(about.asked) < FRESH) {
            return Ok(());
        }
        let known = kept.as_ref().map(|about| about.validators.clone()).unwrap_or_default();
        let partial = self.file.with_extension("partial");
        let job = Download { known: known.clone(), ..Download::fresh(&self.url, &partial, LONGEST) };
        let running = events.phase(Part::Source, "index", &self.url);
        let validators = match fetch(&job, retry, &running, cancel).await {
            Ok(DownloadAnswer::NotModified) => known,
            Ok(DownloadAnswer::Received(received)) => {
                fs_err::rename(&partial, &self.file)?;
                received.validators
            }
            Err(FetchError::Cancelled) => return Err(FetchError::Cancelled),
            Err(error) if kept.is_some() => {
                events.note(Part::Source, format!("using an index more than a day old: {}: {error}", self.url));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.remember(validators)?;
        running.finish("");
        Ok(())
    }

    /// The file with one of `digests`. Takes about a second of one core, and blocks.
    pub(super) fn find(&self, digests: &[Sha256]) -> io::Result<Option<PoolFile>> {
        let decoder = Stream::new_stream_decoder(MEMORY, CONCATENATED)?;
        let file = XzDecoder::new_stream(fs_err::File::open(&self.file)?, decoder);
        let found = pool_file::find(BufReader::with_capacity(1 << 16, file), digests);
        if found.is_err() {
            self.forget();
        }
        found
    }

    /// Makes the next use fetch a new one.
    pub(super) fn forget(&self) {
        // If it cannot be removed, it stays in use until it is a day old.
        let _ = fs_err::remove_file(&self.about);
    }

    fn kept(&self) -> Option<IndexInfo> {
        let about: IndexInfo = serde_json::from_slice(&fs_err::read(&self.about).ok()?).ok()?;
        (about.schema == SCHEMA && about.url == self.url && self.file.is_file()).then_some(about)
    }

    fn remember(&self, validators: Validators) -> io::Result<()> {
        let about = IndexInfo { schema: SCHEMA, url: self.url.clone(), asked: Timestamp::now(), validators };
        write_atomically(&self.about, &serde_json::to_vec_pretty(&about)?)
    }
}
