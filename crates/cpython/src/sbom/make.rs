//! Conversion of the collected facts to an SPDX document.

use super::contents::{SbomContents, SystemLibrary, Wheel};
use super::document::{ARTIFACT, CreationInfo, ExternalRef, SpdxChecksum, SpdxDocument, SpdxPackage, SpdxRelationship};
use super::purl;
use std::collections::BTreeMap;

const SOURCE: &str = "SPDXRef-Package-source";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
/// License of CPython, as in its own SBOM.
const LICENSE: &str = "PSF-2.0";
/// [`MTIME`](crate::layout::MTIME) in RFC 3339 format: equal artifacts must have equal documents.
const CREATED: &str = "2024-01-01T00:00:00Z";

/// Creates the document for a tree. [`SpdxDocument::of_tarball`] turns it into that of the packed tree.
pub fn document(contents: &SbomContents) -> SpdxDocument {
    let mut parts = SbomParts::default();
    parts.relate(DOCUMENT, "DESCRIBES", ARTIFACT);
    parts.packages.push(artifact(contents));
    parts.packages.push(source(contents));
    parts.relate(ARTIFACT, "GENERATED_FROM", SOURCE);
    for package in &contents.bundled {
        parts.relate(SOURCE, "CONTAINS", &package.id);
        parts.packages.push(package.clone());
    }
    contents.wheels.iter().for_each(|wheel| parts.wheel(wheel));
    parts.libraries(contents);
    SpdxDocument {
        spdx_version: "SPDX-2.3".to_owned(),
        data_license: "CC0-1.0".to_owned(),
        id: DOCUMENT.to_owned(),
        name: format!("cpython-{}-{}", contents.version, contents.image),
        document_namespace: format!("urn:vmbuild:spdx:plan:{}", contents.plan_sha256),
        creation_info: CreationInfo { created: CREATED.to_owned(), creators: vec!["Tool: vmbuild".to_owned()] },
        packages: parts.packages,
        relationships: parts.relationships,
    }
}

/// Returns an SPDX id: `SPDXRef-` followed by letters, digits, `.` and `-`.
pub(super) fn id(kind: &str, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    format!("SPDXRef-{kind}-{}", name.chars().map(plain).collect::<String>())
}

fn artifact(contents: &SbomContents) -> SpdxPackage {
    let version = contents.version.to_string();
    SpdxPackage {
        version_info: Some(version.clone()),
        license_declared: LICENSE.to_owned(),
        primary_package_purpose: Some("APPLICATION".to_owned()),
        external_refs: vec![ExternalRef::purl(purl::generic_url("cpython", &version)), cpe(contents)],
        comment: Some(format!("built in {} by plan {}", contents.image, contents.plan_sha256)),
        ..SpdxPackage::new(ARTIFACT, "cpython")
    }
}

fn source(contents: &SbomContents) -> SpdxPackage {
    let plain = SpdxPackage::new(SOURCE, "CPython");
    let (file, location) = contents.source.published.clone().map(|archive| (archive.file, archive.url)).unzip();
    SpdxPackage {
        version_info: Some(contents.version.release().to_string()),
        package_file_name: file,
        originator: Some("Organization: Python Software Foundation".to_owned()),
        download_location: location.unwrap_or_else(|| plain.download_location.clone()),
        checksums: vec![SpdxChecksum::sha256(contents.source.sha256)],
        license_declared: LICENSE.to_owned(),
        primary_package_purpose: Some("SOURCE".to_owned()),
        external_refs: vec![cpe(contents)],
        ..plain
    }
}

/// Identifier in vulnerability databases.
fn cpe(contents: &SbomContents) -> ExternalRef {
    let version = contents.version.release();
    ExternalRef {
        reference_category: "SECURITY".to_owned(),
        reference_type: "cpe23Type".to_owned(),
        reference_locator: format!("cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*"),
    }
}

#[derive(Default)]
struct SbomParts {
    packages: Vec<SpdxPackage>,
    relationships: Vec<SpdxRelationship>,
}

impl SbomParts {
    fn relate(&mut self, from: &str, kind: &str, to: &str) {
        self.relationships.push(SpdxRelationship::new(from, kind, to));
    }

    fn wheel(&mut self, wheel: &Wheel) {
        let (name, version) = (&wheel.project.name, &wheel.project.version);
        let outer = id("wheel", name);
        let license = wheel.license.as_ref().filter(|license| is_license_id(license));
        self.relate(ARTIFACT, "CONTAINS", &outer);
        let plain = python_package(&outer, name, version);
        self.packages.push(SpdxPackage {
            checksums: vec![SpdxChecksum::sha256(wheel.sha256)],
            license_declared: license.cloned().unwrap_or_else(|| plain.license_declared.clone()),
            ..plain
        });
        for part in &wheel.vendored {
            let inner = id(&format!("in-{name}"), &part.name);
            self.relate(&outer, "CONTAINS", &inner);
            self.packages.push(python_package(&inner, &part.name, &part.version));
        }
    }

    /// Adds one element per package that provides libraries, and one per library without a package.
    fn libraries(&mut self, contents: &SbomContents) {
        let mut owners: BTreeMap<String, Vec<&SystemLibrary>> = BTreeMap::new();
        for library in &contents.libraries {
            let owner = library.package.as_ref().map_or(&library.soname, |package| &package.name);
            owners.entry(id("system", owner)).or_default().push(library);
        }
        for (id, libraries) in owners {
            let reason = files_by_library(&libraries);
            self.packages.push(system_package(&id, &libraries, &contents.image));
            for kind in ["DYNAMIC_LINK", "DEPENDS_ON"] {
                self.relationships.push(SpdxRelationship::new(ARTIFACT, kind, &id).with_comment(reason.clone()));
            }
        }
    }
}

fn python_package(id: &str, name: &str, version: &str) -> SpdxPackage {
    SpdxPackage {
        version_info: Some(version.to_owned()),
        primary_package_purpose: Some("LIBRARY".to_owned()),
        external_refs: vec![ExternalRef::purl(purl::python_package_url(name, version))],
        ..SpdxPackage::new(id, name)
    }
}

fn system_package(id: &str, libraries: &[&SystemLibrary], image: &str) -> SpdxPackage {
    let purpose = Some("LIBRARY".to_owned());
    let first = libraries.first();
    let Some(package) = first.and_then(|library| library.package.as_ref()) else {
        let soname = first.map_or("", |library| library.soname.as_str());
        let comment = Some("no package of the build machine has this library".to_owned());
        return SpdxPackage { primary_package_purpose: purpose, comment, ..SpdxPackage::new(id, soname) };
    };
    SpdxPackage {
        version_info: Some(package.version.clone()),
        primary_package_purpose: purpose,
        external_refs: vec![ExternalRef::purl(purl::system_package_url(package, image))],
        ..SpdxPackage::new(id, &package.name)
    }
}

/// `libssl.so.3 (lib/python3.13/lib-dynload/_ssl….so); …`
fn files_by_library(libraries: &[&SystemLibrary]) -> String {
    let one = |library: &&SystemLibrary| format!("{} ({})", library.soname, shortened(&library.needed_by));
    libraries.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Lists a few files: every file links libc, for example.
fn shortened(files: &[String]) -> String {
    match files {
        [one, two, three, rest @ ..] if rest.len() > 1 => format!("{one}, {two}, {three} and {} more", rest.len()),
        few => few.join(", "),
    }
}

/// Returns whether a license in a wheel's metadata is a single, well-known SPDX identifier.
fn is_license_id(text: &str) -> bool {
    ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "PSF-2.0"].contains(&text)
}

#[cfg(test)]
mod tests {
    use super::super::contents::{BundledProject, PublishedArchive, SbomSource};
    use super::*;
    use crate::sbom::source_packages;
    use vmbuild_archive::Sha256;

    fn contents() -> SbomContents {
        let package = |name: &str, version: &str| {
            let [name, version, arch] = [name, version, "amd64"].map(str::to_owned);
            Some(vmbuild_protocol::Package { name, version, arch })
        };
        let library = |soname: &str, package, needed_by: &[&str]| SystemLibrary {
            soname: soname.to_owned(),
            package,
            needed_by: needed_by.iter().map(|&file| file.to_owned()).collect(),
        };
        let bundled = |name: &str| BundledProject { name: name.to_owned(), version: "1.0".to_owned() };
        let mut pip = Wheel::from_file_name("pip-25.1.1-py3-none-any.whl", Sha256([7; 32])).unwrap();
        (pip.license, pip.vendored) = (Some("MIT".to_owned()), vec![bundled("typing_extensions")]);
        SbomContents {
            version: "3.14.10t".parse().unwrap(),
            image: "debian-12".to_owned(),
            plan_sha256: Sha256([4; 32]),
            source: SbomSource {
                sha256: Sha256([1; 32]),
                published: Some(PublishedArchive {
                    file: "Python.tar.xz".to_owned(),
                    url: "https://example.org/Python.tar.xz".to_owned(),
                }),
            },
            bundled: source_packages(r#"{"packages":[{"name":"expat","versionInfo":"2.6.3"}]}"#).unwrap(),
            wheels: vec![pip],
            libraries: vec![
                library("libc.so.6", package("libc6", "2.36"), &["bin/python", "lib/a.so", "lib/b.so", "c.so", "d.so"]),
                library("libm.so.6", package("libc6", "2.36"), &["lib/a.so"]),
                library("libodd.so.1", None, &["lib/b.so"]),
                library("libstdc++.so.6", package("libstdc++6", "1:12+b1"), &["lib/b.so"]),
            ],
        }
    }

    #[test]
    fn the_document_stays_as_it_is() {
        insta::assert_snapshot!(document(&contents()).to_json());
    }

    #[test]
    fn written_documents_parse_back_and_name_the_tarball() {
        let inside = document(&contents());
        assert_eq!(SpdxDocument::from_json(&inside.to_json()).unwrap(), inside);
        let digest = Sha256([9; 32]);
        let outside = inside.clone().of_tarball(digest);
        assert!(!inside.to_json().contains(&digest.to_string()) && outside.to_json().contains(&digest.to_string()));
        assert_ne!(inside.document_namespace, outside.document_namespace);
    }

    #[test]
    fn element_ids_are_unique_and_relationships_resolve() {
        let document = document(&contents());
        let ids: Vec<&str> = document.packages.iter().map(|package| package.id.as_str()).collect();
        let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{ids:?}");
        for SpdxRelationship { spdx_element_id, related_spdx_element, .. } in &document.relationships {
            for element in [spdx_element_id, related_spdx_element] {
                assert!(element == DOCUMENT || distinct.contains(element.as_str()), "{element}");
            }
        }
    }

    #[test]
    fn the_creation_time_is_that_of_every_artifact() {
        assert_eq!(crate::layout::MTIME, 1_704_067_200, "CREATED is this time as text");
    }
}
