//! Where an artifact comes from, as an in-toto statement with SLSA's provenance in it: `<artifact>.provenance.json`.
//!
//! The problem: a record in a form of our own is read by nobody's policy engine. This is the form that those read. It
//! says less than the record does, and nothing else. Sources: in-toto Attestation Framework, Statement v1; SLSA
//! Provenance v1; `docs/evidence.md` for this build type's parameters.

use crate::json;
use serde::Serialize;
use serde_json::{Map, Value};
use vmbuild_archive::Sha256;

/// What says how the parameters are to be read: `docs/evidence.md`.
pub const BUILD_TYPE: &str = "urn:vmbuild:build-type:cpython:1";

/// A statement about one artifact. Fields stand in the file in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [Resource; 1],
    #[serde(rename = "predicateType")]
    predicate_kind: &'static str,
    predicate: Provenance,
}

/// How it was built.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was asked for, and what went in.
    pub build_definition: BuildDefinition,
    /// The run that did it.
    pub run_details: RunDetails,
}

/// What was asked for, and what went in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// [`BUILD_TYPE`].
    pub build_type: &'static str,
    /// What the user said.
    pub external_parameters: Map<String, Value>,
    /// What vmbuild made of it.
    pub internal_parameters: Map<String, Value>,
    /// Everything that went in.
    pub resolved_dependencies: Vec<Resource>,
}

/// The run that did it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetails {
    /// Who built it.
    pub builder: Builder,
    /// When.
    pub metadata: RunMetadata,
    /// What came out besides.
    pub byproducts: Vec<Resource>,
}

/// Who built it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Builder {
    /// A URI: vmbuild, and what ran its machines.
    pub id: String,
    /// Versions of the parts.
    pub version: Map<String, Value>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMetadata {
    /// A word that no other run has.
    pub invocation_id: String,
    /// RFC 3339.
    pub started_on: String,
    /// RFC 3339.
    pub finished_on: String,
}

/// in-toto's `ResourceDescriptor`: a thing with its digest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// A URI for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its digest.
    pub digest: DigestSet,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DigestSet {
    sha256: Sha256,
}

impl Resource {
    /// A thing with its SHA-256.
    pub fn new(name: &str, uri: Option<String>, sha256: Sha256) -> Self {
        Self { name: name.to_owned(), uri, digest: DigestSet { sha256 } }
    }
}

impl Statement {
    /// That `artifact` was made in this way.
    pub fn new(artifact: &str, sha256: Sha256, predicate: Provenance) -> Self {
        Self {
            kind: "https://in-toto.io/Statement/v1",
            subject: [Resource::new(artifact, None, sha256)],
            predicate_kind: "https://slsa.dev/provenance/v1",
            predicate,
        }
    }

    /// As indented JSON with a line break at its end.
    pub fn to_json(&self) -> String {
        json::pretty(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_stays_as_it_is() {
        let map = |name: &str, value: &str| Map::from_iter([(name.to_owned(), value.into())]);
        let provenance = Provenance {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE,
                external_parameters: map("version", "3.13.5"),
                internal_parameters: map("backend", "sandbox"),
                resolved_dependencies: vec![Resource::new("x.tar.xz", Some("urn:x".to_owned()), Sha256([2; 32]))],
            },
            run_details: RunDetails {
                builder: Builder { id: "urn:vmbuild:builder:sandbox".to_owned(), version: map("vmbuild", "0.1.0") },
                metadata: RunMetadata {
                    invocation_id: "1".to_owned(),
                    started_on: "2026-01-02T03:04:05Z".to_owned(),
                    finished_on: "2026-01-02T03:09:05Z".to_owned(),
                },
                byproducts: Vec::new(),
            },
        };
        insta::assert_snapshot!(Statement::new("a.tgz", Sha256([1; 32]), provenance).to_json());
    }
}
