//! SPDX 2.3 as JSON, as far as it is used here.

use crate::json;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;

/// The element that stands for the artifact.
pub(super) const ARTIFACT: &str = "SPDXRef-Package-artifact";

/// A document. Fields stand in the file in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    /// `SPDX-2.3`.
    pub spdx_version: String,
    /// The licence of the document itself.
    pub data_license: String,
    /// `SPDXRef-DOCUMENT`.
    #[serde(rename = "SPDXID")]
    pub id: String,
    /// What it is about.
    pub name: String,
    /// A URI that no other document has.
    pub document_namespace: String,
    /// By what and when it was made.
    pub creation_info: CreationInfo,
    /// What there is.
    pub packages: Vec<SpdxPackage>,
    /// How it belongs together.
    pub relationships: Vec<Relationship>,
}

/// By what and when a document was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreationInfo {
    /// RFC 3339, in UTC.
    pub created: String,
    /// Such as `Tool: vmbuild`.
    pub creators: Vec<String>,
}

/// A unit of software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpdxPackage {
    /// `SPDXRef-…`.
    #[serde(rename = "SPDXID")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_info: Option<String>,
    /// The name of the file it is, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_file_name: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originator: Option<String>,
    /// A URI, or `NOASSERTION`.
    pub download_location: String,
    /// Whether its files are in the document.
    pub files_analyzed: bool,
    /// Digests of the file it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checksums: Vec<Checksum>,
    /// The licence its maker says.
    pub license_declared: String,
    /// The licence somebody found out.
    pub license_concluded: String,
    /// Whose it is.
    pub copyright_text: String,
    /// What it is for, in SPDX's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_package_purpose: Option<String>,
    /// What others call it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_refs: Vec<ExternalRef>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Checksum {
    /// Such as `SHA256`.
    pub algorithm: String,
    /// In hexadecimal.
    pub checksum_value: String,
}

/// What others call a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExternalRef {
    /// Such as `PACKAGE-MANAGER`.
    pub reference_category: String,
    /// Such as `purl`.
    pub reference_type: String,
    /// The name there.
    pub reference_locator: String,
}

/// How one element belongs to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Relationship {
    /// The one.
    pub spdx_element_id: String,
    /// How, in SPDX's words.
    pub relationship_type: String,
    /// The other.
    pub related_spdx_element: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Document {
    /// The same, of a tarball with this digest. Equal tarballs have equal documents.
    #[must_use]
    pub fn of_tarball(mut self, sha256: Sha256) -> Self {
        self.document_namespace = format!("urn:vmbuild:spdx:artifact:{sha256}");
        for package in self.packages.iter_mut().filter(|package| package.id == ARTIFACT) {
            package.checksums = vec![Checksum::sha256(sha256)];
        }
        self
    }

    /// As indented JSON with a line break at its end; fields always in the same order.
    pub fn to_json(&self) -> String {
        json::pretty(self)
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Checksum {
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
    /// A package about which nothing is asserted but its name.
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

impl Relationship {
    pub(super) fn new(from: &str, kind: &str, to: &str) -> Self {
        let [from, kind, to] = [from, kind, to].map(str::to_owned);
        Self { spdx_element_id: from, relationship_type: kind, related_spdx_element: to, comment: None }
    }

    pub(super) fn because(self, comment: String) -> Self {
        Self { comment: Some(comment), ..self }
    }
}
