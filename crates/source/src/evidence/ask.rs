//! Asking for what lies beside an archive.

use super::judge::EvidenceKind;
use super::kept::EvidenceFolder;
use super::{EvidenceError, Need};
use crate::resolver::SourceResolver;
use crate::settings::below;
use crate::{SourceArchive, SourceOrigin, debian_pool};
use std::io::ErrorKind;
use vmbuild_cpython::release::python_org_path;
use vmbuild_fetch::download::{Download, FetchError, fetch};

/// No signature, bundle or bill of materials is longer, in bytes.
const LONGEST: u64 = 16 << 20;

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) place: String,
    pub(super) bytes: Vec<u8>,
}

/// What came of asking.
#[derive(Debug)]
pub(super) enum EvidenceAnswer {
    Here(File),
    /// Why not, for each place.
    Nowhere(String),
}

/// Where Debian's pool has the archive. Looking takes a second, and an index: it is done at most once.
#[derive(Debug)]
enum Pool {
    Unknown,
    Known(Option<String>),
}

/// The places that may have something beside the archive, and which of them do not answer.
#[derive(Debug)]
pub(super) struct EvidencePlaces<'a> {
    quest: &'a SourceResolver<'a>,
    source: &'a SourceArchive,
    quiet: bool,
    pool: Pool,
    down: Vec<(String, String)>,
}

impl<'a> EvidencePlaces<'a> {
    pub(super) fn new(
        quest: &'a SourceResolver<'a>,
        source: &'a SourceArchive,
        need: Need,
        kept: &EvidenceFolder,
    ) -> Self {
        let quiet = need == Need::IfItCanBeHad && kept.asked_lately();
        Self { quest, source, quiet, pool: Pool::Unknown, down: Vec::new() }
    }

    /// Looks in one place after the other.
    pub(super) async fn get(&mut self, kind: EvidenceKind) -> Result<EvidenceAnswer, EvidenceError> {
        let mut reasons = Vec::new();
        if self.source.origin == SourceOrigin::File {
            match beside(&self.source.location, kind)? {
                Some(file) => return Ok(EvidenceAnswer::Here(file)),
                None => reasons.push("none beside the given file".to_owned()),
            }
        }
        if self.quiet {
            reasons.push("none found, and the places were asked within the last day".to_owned());
            return Ok(EvidenceAnswer::Nowhere(reasons.join("; ")));
        }
        for url in self.addresses(kind).await? {
            match self.ask(&url).await? {
                Ok(bytes) => return Ok(EvidenceAnswer::Here(File { place: url, bytes })),
                Err(reason) => reasons.push(format!("{url}: {reason}")),
            }
        }
        Ok(EvidenceAnswer::Nowhere(reasons.join("; ")))
    }

    /// The archive's own address and python.org; Debian's pool carries only signatures of the first kind.
    async fn addresses(&mut self, kind: EvidenceKind) -> Result<Vec<String>, EvidenceError> {
        let suffix = kind.suffix();
        let (version, settings) = (&self.quest.expected.version, self.quest.settings);
        let path = python_org_path(version, &self.source.file_name);
        let mut addresses = vec![format!("{}{suffix}", below(&settings.python_org, &path))];
        match self.source.origin {
            SourceOrigin::Url => addresses.insert(0, format!("{}{suffix}", self.source.location)),
            _ if kind == EvidenceKind::OpenPgp => {
                addresses.extend(self.pool().await?.map(|url| format!("{url}{suffix}")));
            }
            _ => {}
        }
        addresses.dedup();
        Ok(addresses)
    }

    async fn pool(&mut self) -> Result<Option<String>, EvidenceError> {
        if self.source.origin == SourceOrigin::DebianPool {
            return Ok(Some(self.source.location.clone()));
        }
        if matches!(self.pool, Pool::Unknown) {
            self.pool = Pool::Known(debian_pool::locate(self.quest).await?);
        }
        Ok(match &self.pool {
            Pool::Known(address) => address.clone(),
            Pool::Unknown => None,
        })
    }

    async fn ask(&mut self, url: &str) -> Result<Result<Vec<u8>, String>, EvidenceError> {
        let host = host(url);
        if let Some((_, reason)) = self.down.iter().find(|(down, _)| *down == host) {
            return Ok(Err(reason.clone()));
        }
        match self.fetch(url).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) => {
                let error = self.quest.passing(error)?;
                if error.is_about_the_host() {
                    self.down.push((host, error.to_string()));
                }
                Ok(Err(error.to_string()))
            }
        }
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let folder = tempfile::Builder::new().prefix("evidence-").tempdir_in(self.quest.store.cache())?;
        let partial = folder.path().join("file");
        let job = Download::fresh(url, &partial, LONGEST);
        fetch(&job, &self.quest.settings.patience, &self.quest.running, self.quest.cancel).await?;
        Ok(fs_err::read(&partial)?)
    }
}

/// A file beside the one the user named.
fn beside(path: &str, kind: EvidenceKind) -> Result<Option<File>, EvidenceError> {
    let place = format!("{path}{}", kind.suffix());
    match fs_err::read(&place) {
        Ok(bytes) => Ok(Some(File { place, bytes })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `https://host:port` of an address.
fn host(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}
