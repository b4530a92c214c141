//! Who signed a source: the release manager's OpenPGP signature and Sigstore bundle, beside the archive.
//!
//! The problem: a pinned digest is only as good as whoever typed it in. CPython's release managers sign their archives,
//! up to 3.13 with OpenPGP and since 3.11 with Sigstore (PEP 761). What can be had of that is verified, here and
//! offline, against keys and names that are compiled in, and kept, so that later builds verify it again without asking.
//!
//! What is there and does not hold ends the build. What is not there does not: the digest is pinned all the same, and
//! the record says what there is no evidence of, and why. `--require-signature` makes an end of that too.

mod ask;
mod error;
mod judge;
mod kept;
mod keys;

pub use error::EvidenceError;
pub use keys::Signers;

use crate::expected::{ExpectedArchives, Names};
use crate::resolver::SourceResolver;
use crate::{Settings, SourceArchive, SourceRequest};
use ask::{EvidenceAnswer, EvidencePlaces};
use judge::{EvidenceKind, Judged};
use kept::EvidenceFolder;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::Store;
use vmbuild_cpython::{DigestOrigin, SourceEvidence, SourceSignature};

/// Whether a build goes on without a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It does where none is published or none can be reached.
    IfItCanBeHad,
    /// It does not.
    Always,
}

/// What was found out about a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VouchedSource {
    /// For the record.
    pub evidence: SourceEvidence,
    /// The signatures and the bill of materials that were found, in the store.
    pub files: Vec<PathBuf>,
}

/// Finds and verifies what vouches for a source that is here already.
pub async fn vouch(
    request: &SourceRequest,
    source: &SourceArchive,
    need: Need,
    store: &Store,
    settings: &Settings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<VouchedSource, EvidenceError> {
    let expected = ExpectedArchives::of(&request.version, Some(source.sha256))?;
    let names = expected.names;
    let running = events.phase(Part::Source, "signature", source.file_name.clone());
    let quest = SourceResolver::begin(expected, store, settings, events, running, cancel);
    let kept = EvidenceFolder::of(quest.cache.evidence(source.sha256))?;
    let search = Search { quest: &quest, source, need, kept };
    let vouched = search.run(names).await?;
    let refused = need == Need::Always && vouched.evidence.signatures.is_empty();
    if refused {
        let (version, reasons) = (request.version, vouched.evidence.without);
        return Err(EvidenceError::Required { version, reasons });
    }
    quest.running.finish(summary(&vouched.evidence));
    Ok(vouched)
}

/// One search for evidence.
struct Search<'a> {
    quest: &'a SourceResolver<'a>,
    source: &'a SourceArchive,
    need: Need,
    kept: EvidenceFolder,
}

impl Search<'_> {
    async fn run(&self, names: Names) -> Result<VouchedSource, EvidenceError> {
        let digest_from = match names {
            Names::Pinned => DigestOrigin::Pinned,
            Names::Guessed => DigestOrigin::Given,
        };
        let file = self.source.file_name.clone();
        let mut evidence = SourceEvidence { file, digest_from, signatures: Vec::new(), without: Vec::new() };
        let mut asked = EvidencePlaces::new(self.quest, self.source, self.need, &self.kept);
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
        self.kept.remember_asking()?;
        Ok(VouchedSource { evidence, files })
    }

    /// The signature and the file that holds it; inside, why there is none.
    async fn one(
        &self,
        kind: EvidenceKind,
        asked: &mut EvidencePlaces<'_>,
    ) -> Result<Result<(Option<SourceSignature>, PathBuf), String>, EvidenceError> {
        let version = self.quest.expected.version;
        let signer = match self.quest.settings.signers.of(&version, kind) {
            Ok(signer) => signer,
            Err(reason) => return Ok(Err(reason)),
        };
        let found = match self.kept.find(kind)? {
            Some(found) => found,
            None => match asked.get(kind).await? {
                EvidenceAnswer::Here(found) => found,
                EvidenceAnswer::Nowhere(reason) => return Ok(Err(reason)),
            },
        };
        let (source, about) = (self.source.clone(), found.clone());
        match self.quest.blocking(move || judge::judge(kind, &signer, &source, &about)).await?? {
            Judged::Holds(signature) => Ok(Ok((signature, self.kept.keep(kind, &found)?))),
            Judged::SaysNothing(reason) => {
                self.quest
                    .events
                    .warn(Part::Source, format!("{kind} of {} is not counted: {reason}", self.source.file_name));
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
    if who.is_empty() { "none could be had: the sha256 alone vouches for it".to_owned() } else { who.join(", ") }
}
