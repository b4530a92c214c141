//! Provenance of an artifact, as an in-toto statement with an SLSA predicate: `<artifact>.provenance.json`.
//!
//! The problem: no policy engine reads a record in vmbuild's own format. This is the format that they read. It
//! contains a subset of the record. Sources: in-toto Attestation Framework, Statement v1; SLSA
//! Provenance v1; `docs/evidence.md` for this build type's parameters.

use crate::schema::pretty_json;
use serde::Serialize;
use serde_json::{Map, Value};
use vmbuild_archive::Sha256;

/// Build type, which defines the meaning of the parameters: `docs/evidence.md`.
pub const BUILD_TYPE: &str = "urn:vmbuild:build-type:cpython:1";

/// A statement about one artifact. The file lists the fields in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InTotoStatement {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [ResourceDescriptor; 1],
    #[serde(rename = "predicateType")]
    predicate_kind: &'static str,
    predicate: Provenance,
}

/// SLSA provenance predicate.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// Inputs of the build.
    pub build_definition: BuildDefinition,
    /// The run that produced the artifact.
    pub run_details: RunDetails,
}

/// Inputs of a build.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// [`BUILD_TYPE`].
    pub build_type: &'static str,
    /// Parameters that the user set.
    pub external_parameters: Map<String, Value>,
    /// Parameters that vmbuild derived.
    pub internal_parameters: Map<String, Value>,
    /// Everything that the build used.
    pub resolved_dependencies: Vec<ResourceDescriptor>,
}

/// The run that produced an artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetails {
    /// The builder.
    pub builder: ProvenanceBuilder,
    /// Id and times of the run.
    pub metadata: RunMetadata,
    /// Additional outputs.
    pub byproducts: Vec<ResourceDescriptor>,
}

/// Builder of an artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProvenanceBuilder {
    /// A URI that names vmbuild and the backend of its machines.
    pub id: String,
    /// Versions of the builder's components.
    pub version: Map<String, Value>,
}

/// Id and times of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMetadata {
    /// Unique id of the run.
    pub invocation_id: String,
    /// Start time (RFC 3339).
    pub started_on: String,
    /// End time (RFC 3339).
    pub finished_on: String,
}

/// in-toto's `ResourceDescriptor`: a resource with its digest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDescriptor {
    /// Name of the resource.
    pub name: String,
    /// URI of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Digest of the resource.
    pub digest: DigestSet,
}

/// in-toto's `DigestSet`, with SHA-256 only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DigestSet {
    sha256: Sha256,
}

impl ResourceDescriptor {
    /// Creates a resource with its SHA-256.
    pub fn new(name: &str, uri: Option<String>, sha256: Sha256) -> Self {
        Self { name: name.to_owned(), uri, digest: DigestSet { sha256 } }
    }
}

impl InTotoStatement {
    /// Creates the statement that `artifact` was built as `predicate` describes.
    pub fn new(artifact: &str, sha256: Sha256, predicate: Provenance) -> Self {
        Self {
            kind: "https://in-toto.io/Statement/v1",
            subject: [ResourceDescriptor::new(artifact, None, sha256)],
            predicate_kind: "https://slsa.dev/provenance/v1",
            predicate,
        }
    }

    /// Returns indented JSON with a trailing newline.
    pub fn to_json(&self) -> String {
        pretty_json(self)
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
                resolved_dependencies: vec![ResourceDescriptor::new(
                    "x.tar.xz",
                    Some("urn:x".to_owned()),
                    Sha256([2; 32]),
                )],
            },
            run_details: RunDetails {
                builder: ProvenanceBuilder {
                    id: "urn:vmbuild:builder:sandbox".to_owned(),
                    version: map("vmbuild", "0.1.0"),
                },
                metadata: RunMetadata {
                    invocation_id: "1".to_owned(),
                    started_on: "2026-01-02T03:04:05Z".to_owned(),
                    finished_on: "2026-01-02T03:09:05Z".to_owned(),
                },
                byproducts: Vec::new(),
            },
        };
        insta::assert_snapshot!(InTotoStatement::new("a.tgz", Sha256([1; 32]), provenance).to_json());
    }
}
