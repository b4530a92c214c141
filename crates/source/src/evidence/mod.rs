//! Signatures of a source: the release manager's OpenPGP signature and Sigstore bundle, next to the archive.
//!
//! The problem: a pinned digest is only as good as its author. CPython's release managers sign their archives, up to 3.13
//! with OpenPGP and since 3.11 with Sigstore (PEP 761). The signatures that are available are verified offline, against
//! keys and identities that are compiled in, and stored, so that later builds verify them again without the network.
//!
//! A signature that does not verify ends the build. A missing one does not: the digest is pinned all the same, and the
//! record says which evidence is missing, and why. `--require-signature` makes a missing one an error too.

mod error;
mod evidence_folder;
mod places;
mod signers;
mod verification;

pub use error::EvidenceError;
pub use signers::SignerTable;

use crate::expected::{ExpectedArchives, FileNames};
use crate::resolver::SourceResolver;
use crate::{SourceArchive, SourceRequest, SourceSettings};
use evidence_folder::EvidenceFolder;
use places::{EvidenceAnswer, EvidencePlaces};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use verification::{EvidenceKind, Verification};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_cpython::{DigestOrigin, SourceEvidence, SourceSignature};

/// Policy for signatures of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// Only where one is published and can be reached.
    IfAvailable,
    /// Always.
    Required,
}

/// A source's verified evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSource {
    /// For the record.
    pub evidence: SourceEvidence,
    /// The signatures and the bill of materials that were found, in the store.
    pub files: Vec<PathBuf>,
}

/// Finds and verifies the evidence for a source in the store.
pub async fn verify_source(
    request: &SourceRequest,
    source: &SourceArchive,
    policy: SignaturePolicy,
    store: &Store,
    settings: &SourceSettings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<VerifiedSource, EvidenceError> {
    let expected = ExpectedArchives::of(&request.version, Some(source.sha256))?;
    let names = expected.names;
    let running = events.phase(Part::Source, "signature", source.file_name.clone());
    let resolver = SourceResolver::begin(expected, store, settings, events, running, cancel);
    let stored = EvidenceFolder::of(resolver.cache.evidence(source.sha256))?;
    let search = EvidenceSearch { resolver: &resolver, source, policy, stored };
    let verified = search.run(names).await?;
    let refused = policy == SignaturePolicy::Required && verified.evidence.signatures.is_empty();
    if refused {
        let (version, reasons) = (request.version, verified.evidence.without);
        return Err(EvidenceError::Required { version, reasons });
    }
    resolver.running.finish(summary(&verified.evidence));
    Ok(verified)
}

/// One search for evidence.
struct EvidenceSearch<'a> {
    resolver: &'a SourceResolver<'a>,
    source: &'a SourceArchive,
    policy: SignaturePolicy,
    stored: EvidenceFolder,
}

impl EvidenceSearch<'_> {
    async fn run(&self, names: FileNames) -> Result<VerifiedSource, EvidenceError> {
        let digest_from = match names {
            FileNames::Pinned => DigestOrigin::Pinned,
            FileNames::Guessed => DigestOrigin::Given,
        };
        let file = self.source.file_name.clone();
        let mut evidence = SourceEvidence { file, digest_from, signatures: Vec::new(), without: Vec::new() };
        let mut asked = EvidencePlaces::new(self.resolver, self.source, self.policy, &self.stored);
        let mut files = Vec::new();
        for kind in EvidenceKind::ALL {
            match self.one(kind, &mut asked).await? {
                Ok((signature, path)) => {
                    evidence.signatures.extend(signature);
                    files.push(path);
                }
                Err(reason) => evidence.without.push(format!("{kind}: {reason}")),
            }
        }
        self.stored.remember_search()?;
        Ok(VerifiedSource { evidence, files })
    }

    /// The signature and its file; the inner error says why there is none.
    async fn one(
        &self,
        kind: EvidenceKind,
        asked: &mut EvidencePlaces<'_>,
    ) -> Result<Result<(Option<SourceSignature>, PathBuf), String>, EvidenceError> {
        let version = self.resolver.expected.version;
        let signer = match self.resolver.settings.signers.of(&version, kind) {
            Ok(signer) => signer,
            Err(reason) => return Ok(Err(reason)),
        };
        let found = match self.stored.find(kind)? {
            Some(found) => found,
            None => match asked.get(kind).await? {
                EvidenceAnswer::Found(found) => found,
                EvidenceAnswer::NotFound(reason) => return Ok(Err(reason)),
            },
        };
        let (source, about) = (self.source.clone(), found.clone());
        match vmbuild_core::blocking(move || verification::verify_evidence(kind, &signer, &source, &about)).await? {
            Verification::Valid(signature) => Ok(Ok((signature, self.stored.store(kind, &found)?))),
            Verification::Inconclusive(reason) => {
                self.resolver
                    .events
                    .warn(Part::Source, format!("ignoring the {kind} of {}: {reason}", self.source.file_name));
                Ok(Err(reason))
            }
        }
    }
}

fn summary(evidence: &SourceEvidence) -> String {
    let who = evidence.signatures.iter().map(|signature| match signature {
        SourceSignature::OpenPgp { owner, .. } => format!("OpenPGP: {owner}"),
        SourceSignature::Sigstore { identity, .. } => format!("Sigstore: {identity}"),
    });
    let who: Vec<String> = who.collect();
    if who.is_empty() { "no signature available: verified by its sha256 alone".to_owned() } else { who.join(", ") }
}
