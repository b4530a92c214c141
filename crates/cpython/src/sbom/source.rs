//! Import of CPython's own SBOM: `Misc/sbom.spdx.json`, in its source since 3.12.

use super::document::{ExternalRef, SpdxChecksum, SpdxPackage};
use serde::Deserialize;

/// The imported part of the document. CPython maintains it, so unknown fields are ignored.
#[derive(Debug, Deserialize)]
struct SourceDocument {
    packages: Vec<SourcePackage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourcePackage {
    name: String,
    version_info: Option<String>,
    download_location: Option<String>,
    originator: Option<String>,
    license_concluded: Option<String>,
    primary_package_purpose: Option<String>,
    #[serde(default)]
    checksums: Vec<SpdxChecksum>,
    #[serde(default)]
    external_refs: Vec<ExternalRef>,
}

/// Returns the projects that CPython's source bundles, in the document's order: expat, mpdecimal, HACL* and others.
pub fn source_packages(text: &str) -> Result<Vec<SpdxPackage>, serde_json::Error> {
    let document: SourceDocument = serde_json::from_str(text)?;
    Ok(document.packages.into_iter().map(import_package).collect())
}

fn import_package(package: SourcePackage) -> SpdxPackage {
    let plain = SpdxPackage::new(&super::make::id("source", &package.name), &package.name);
    SpdxPackage {
        version_info: package.version_info,
        originator: package.originator,
        download_location: package.download_location.unwrap_or_else(|| plain.download_location.clone()),
        license_concluded: package.license_concluded.unwrap_or_else(|| plain.license_concluded.clone()),
        primary_package_purpose: package.primary_package_purpose,
        checksums: package.checksums,
        external_refs: package.external_refs.into_iter().map(normalize_category).collect(),
        ..plain
    }
}

/// Converts `PACKAGE_MANAGER`, which SPDX 2.3 allows for older files, to `PACKAGE-MANAGER`.
fn normalize_category(mut reference: ExternalRef) -> ExternalRef {
    reference.reference_category = reference.reference_category.replace('_', "-");
    reference
}

#[cfg(test)]
mod tests {
    use super::source_packages;

    #[test]
    fn packages_are_taken_over_and_files_are_not() {
        let text = r#"{ "SPDXID": "SPDXRef-DOCUMENT", "files": [{ "fileName": "Modules/expat/COPYING" }], "packages": [
            { "SPDXID": "SPDXRef-PACKAGE-expat", "name": "expat", "versionInfo": "2.6.3", "licenseConcluded": "NOASSERTION",
              "downloadLocation": "https://example.org/expat-2.6.3.tar.gz", "originator": "Organization: Expat team",
              "checksums": [{ "algorithm": "SHA256", "checksumValue": "17aa" }], "primaryPackagePurpose": "SOURCE",
              "externalRefs": [{ "referenceCategory": "PACKAGE_MANAGER", "referenceLocator": "pkg:x/y", "referenceType": "purl" }] },
            { "SPDXID": "SPDXRef-PACKAGE-hacl-star", "name": "hacl-star" } ] }"#;
        insta::assert_json_snapshot!(source_packages(text).unwrap());
        assert!(source_packages("<html>").is_err());
    }
}
