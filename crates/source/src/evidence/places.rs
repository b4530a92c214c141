//! Places of evidence: files next to an archive.

use super::evidence_folder::EvidenceFolder;
use super::verification::EvidenceKind;
use super::{EvidenceError, SignaturePolicy};
use crate::resolver::SourceResolver;
use crate::settings::below;
use crate::{SourceArchive, SourceOrigin, debian_pool};
use std::io::ErrorKind;
use vmbuild_cpython::release::python_org_path;
use vmbuild_fetch::download::{Download, FetchError, fetch};

/// Largest signature, bundle or bill of materials, in bytes.
const LONGEST: u64 = 16 << 20;

/// A file with evidence.
#[derive(Debug, Clone)]
pub(super) struct EvidenceFile {
    pub(super) place: String,
    pub(super) bytes: Vec<u8>,
}

/// Outcome of a search.
#[derive(Debug)]
pub(super) enum EvidenceAnswer {
    Found(EvidenceFile),
    /// Not found, with the reason for each place.
    NotFound(String),
}

/// The archive's address in Debian's pool. Finding it takes a second, and an index: it is done at most once.
#[derive(Debug)]
enum PoolAddress {
    Unknown,
    Known(Option<String>),
}

/// The places that may have evidence, and those that do not answer.
#[derive(Debug)]
pub(super) struct EvidencePlaces<'a> {
    resolver: &'a SourceResolver<'a>,
    source: &'a SourceArchive,
    skip_network: bool,
    pool: PoolAddress,
    down: Vec<(String, String)>,
}

impl<'a> EvidencePlaces<'a> {
    pub(super) fn new(
        resolver: &'a SourceResolver<'a>,
        source: &'a SourceArchive,
        policy: SignaturePolicy,
        stored: &EvidenceFolder,
    ) -> Self {
        let skip_network = policy == SignaturePolicy::IfAvailable && stored.searched_recently();
        Self { resolver, source, skip_network, pool: PoolAddress::Unknown, down: Vec::new() }
    }

    /// Searches one place after the other.
    pub(super) async fn get(&mut self, kind: EvidenceKind) -> Result<EvidenceAnswer, EvidenceError> {
        let mut reasons = Vec::new();
        if self.source.origin == SourceOrigin::File {
            match next_to(&self.source.location, kind)? {
                Some(file) => return Ok(EvidenceAnswer::Found(file)),
                None => reasons.push("none next to the given file".to_owned()),
            }
        }
        if self.skip_network {
            reasons.push("none found within the last day".to_owned());
            return Ok(EvidenceAnswer::NotFound(reasons.join("; ")));
        }
        for url in self.addresses(kind).await? {
            match self.fetch_from(&url).await? {
                Ok(bytes) => return Ok(EvidenceAnswer::Found(EvidenceFile { place: url, bytes })),
                Err(reason) => reasons.push(format!("{url}: {reason}")),
            }
        }
        Ok(EvidenceAnswer::NotFound(reasons.join("; ")))
    }

    /// The archive's own address and python.org; Debian's pool carries only signatures of the first kind.
    async fn addresses(&mut self, kind: EvidenceKind) -> Result<Vec<String>, EvidenceError> {
        let suffix = kind.suffix();
        let (version, settings) = (&self.resolver.expected.version, self.resolver.settings);
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
        if matches!(self.pool, PoolAddress::Unknown) {
            self.pool = PoolAddress::Known(debian_pool::locate(self.resolver).await?);
        }
        Ok(match &self.pool {
            PoolAddress::Known(address) => address.clone(),
            PoolAddress::Unknown => None,
        })
    }

    async fn fetch_from(&mut self, url: &str) -> Result<Result<Vec<u8>, String>, EvidenceError> {
        let host = host(url);
        if let Some((_, reason)) = self.down.iter().find(|(down, _)| *down == host) {
            return Ok(Err(reason.clone()));
        }
        match self.fetch(url).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) => {
                let error = self.resolver.place_error(error)?;
                if error.is_host_unreachable() {
                    self.down.push((host, error.to_string()));
                }
                Ok(Err(error.to_string()))
            }
        }
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let folder = tempfile::Builder::new().prefix("evidence-").tempdir_in(self.resolver.store.cache())?;
        let partial = folder.path().join("file");
        let job = Download::fresh(url, &partial, LONGEST);
        fetch(&job, &self.resolver.settings.retry, &self.resolver.running, self.resolver.cancel).await?;
        Ok(fs_err::read(&partial)?)
    }
}

/// A file next to the one the user named.
fn next_to(path: &str, kind: EvidenceKind) -> Result<Option<EvidenceFile>, EvidenceError> {
    let place = format!("{path}{}", kind.suffix());
    match fs_err::read(&place) {
        Ok(bytes) => Ok(Some(EvidenceFile { place, bytes })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `https://host:port` of an address.
fn host(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}
