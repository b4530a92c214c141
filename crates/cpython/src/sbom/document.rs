//! The subset of SPDX 2.3 in JSON that vmbuild uses.

use crate::schema::pretty_json;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;

/// Id of the element for the artifact.
pub(super) const ARTIFACT: &str = "SPDXRef-Package-artifact";

/// An SPDX document. The file lists the fields in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpdxDocument {
    /// `SPDX-2.3`.
    pub spdx_version: String,
    /// License of the document itself.
    pub data_license: String,
    /// `SPDXRef-DOCUMENT`.
    #[serde(rename = "SPDXID")]
    pub id: String,
    /// Name of the document.
    pub name: String,
    /// Unique URI of the document.
    pub document_namespace: String,
    /// Tool and time of creation.
    pub creation_info: CreationInfo,
    /// Packages that the document describes.
    pub packages: Vec<SpdxPackage>,
    /// Relationships between the packages.
    pub relationships: Vec<SpdxRelationship>,
}

/// Tool and time of a document's creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreationInfo {
    /// Time of creation (RFC 3339, UTC).
    pub created: String,
    /// Creators, such as `Tool: vmbuild`.
    pub creators: Vec<String>,
}

/// A unit of software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpdxPackage {
    /// `SPDXRef-…`.
    #[serde(rename = "SPDXID")]
    pub id: String,
    /// Name of the package.
    pub name: String,
    /// Version of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_info: Option<String>,
    /// File name of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_file_name: Option<String>,
    /// Author of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originator: Option<String>,
    /// Download URI, or `NOASSERTION`.
    pub download_location: String,
    /// True if the document lists its files.
    pub files_analyzed: bool,
    /// Digests of the package file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checksums: Vec<SpdxChecksum>,
    /// License declared by the author.
    pub license_declared: String,
    /// License concluded by the creator of the document.
    pub license_concluded: String,
    /// Copyright notice.
    pub copyright_text: String,
    /// Purpose, as an SPDX term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_package_purpose: Option<String>,
    /// Identifiers in other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_refs: Vec<ExternalRef>,
    /// Comment for human readers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpdxChecksum {
    /// Algorithm, such as `SHA256`.
    pub algorithm: String,
    /// Value in hexadecimal.
    pub checksum_value: String,
}

/// Identifier of a package in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExternalRef {
    /// Category, such as `PACKAGE-MANAGER`.
    pub reference_category: String,
    /// Type of the identifier, such as `purl`.
    pub reference_type: String,
    /// The identifier.
    pub reference_locator: String,
}

/// Relationship between two elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpdxRelationship {
    /// Id of the first element.
    pub spdx_element_id: String,
    /// Relationship, as an SPDX term.
    pub relationship_type: String,
    /// Id of the second element.
    pub related_spdx_element: String,
    /// Comment for human readers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl SpdxDocument {
    /// Returns the document for a tarball with this digest. Equal tarballs have equal documents.
    #[must_use]
    pub fn of_tarball(mut self, sha256: Sha256) -> Self {
        self.document_namespace = format!("urn:vmbuild:spdx:artifact:{sha256}");
        for package in self.packages.iter_mut().filter(|package| package.id == ARTIFACT) {
            package.checksums = vec![SpdxChecksum::sha256(sha256)];
        }
        self
    }

    /// Returns indented JSON with a trailing newline; the order of the fields is fixed.
    pub fn to_json(&self) -> String {
        pretty_json(self)
    }

    /// Parses the output of [`Self::to_json`].
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl SpdxChecksum {
    pub(super) fn sha256(sha256: Sha256) -> Self {
        Self { algorithm: "SHA256".to_owned(), checksum_value: sha256.to_string() }
    }
}

impl ExternalRef {
    pub(super) fn purl(locator: String) -> Self {
        let (category, kind) = ("PACKAGE-MANAGER".to_owned(), "purl".to_owned());
        Self { reference_category: category, reference_type: kind, reference_locator: locator }
    }
}

impl SpdxPackage {
    /// Creates a package with nothing but a name.
    pub(super) fn new(id: &str, name: &str) -> Self {
        let unknown = || "NOASSERTION".to_owned();
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            version_info: None,
            package_file_name: None,
            originator: None,
            download_location: unknown(),
            files_analyzed: false,
            checksums: Vec::new(),
            license_declared: unknown(),
            license_concluded: unknown(),
            copyright_text: unknown(),
            primary_package_purpose: None,
            external_refs: Vec::new(),
            comment: None,
        }
    }
}

impl SpdxRelationship {
    pub(super) fn new(from: &str, kind: &str, to: &str) -> Self {
        let [from, kind, to] = [from, kind, to].map(str::to_owned);
        Self { spdx_element_id: from, relationship_type: kind, related_spdx_element: to, comment: None }
    }

    pub(super) fn with_comment(self, comment: String) -> Self {
        Self { comment: Some(comment), ..self }
    }
}
