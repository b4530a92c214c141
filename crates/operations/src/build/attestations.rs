//! Attestations of an artifact in standard forms: bill of materials and provenance.

use super::cpython_job::CompiledArtifact;
use super::observe::ObservedTree;
use crate::plan::PlannedBuild;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::path::Path;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, StagingFolder};
use vmbuild_core::failure::Failure;
use vmbuild_core::store::write_atomically;
use vmbuild_cpython::provenance::{
    BUILD_TYPE, BuildDefinition, InTotoStatement, Provenance, ProvenanceBuilder, ResourceDescriptor, RunDetails,
    RunMetadata,
};
use vmbuild_cpython::release::{python_org_path, releases};
use vmbuild_cpython::sbom::{PublishedArchive, SbomContents, SbomSource, SpdxDocument, document};
use vmbuild_cpython::{Attestation, Attestations, BuildOrigin, Plan, layout};
use vmbuild_image::Golden;
use vmbuild_protocol::BUILD_ID;
use vmbuild_source::SourceArchive;

/// Publisher of CPython's sources, for readers of the bill of materials: nothing is fetched from it here.
const PUBLISHER: &str = "https://www.python.org";
/// Among the logs: the packages of the build machine.
const PACKAGES: &str = "packages.list";
/// Among the logs: the lock file of the machines.
const LOCK: &str = "packages.lock.toml";
/// Largest bill of materials, in bytes.
const LONGEST_SBOM: u64 = 4 << 20;

/// The bill of materials that goes into the tree.
pub(super) fn sbom(planned: &PlannedBuild, observed: ObservedTree) -> SpdxDocument {
    let plan = &planned.plan;
    let published = published(plan).map(|file| {
        let url = format!("{PUBLISHER}/{}", python_org_path(&plan.version, &file));
        PublishedArchive { file, url }
    });
    document(&SbomContents {
        version: plan.version,
        image: plan.image.clone(),
        plan_sha256: planned.sha256,
        source: SbomSource { sha256: plan.source_sha256, published },
        bundled: observed.bundled,
        wheels: observed.wheels,
        libraries: observed.libraries,
    })
}

/// The published name of a plan's source, if it is one that is published.
fn published(plan: &Plan) -> Option<String> {
    let release = releases().find(&plan.version)?;
    let archive = release.archives().iter().find(|archive| archive.sha256 == plan.source_sha256)?;
    Some(archive.file.clone())
}

/// The bill of materials in an artifact, if there is one.
pub(super) fn read_sbom(tarball: &Path, plan: &Plan) -> std::io::Result<Option<SpdxDocument>> {
    let path = format!("{}/{}", layout::entry_prefix(&plan.version), layout::SBOM);
    let mut read =
        vmbuild_archive::read_files(tarball, |entry| entry == path, LONGEST_SBOM).map_err(std::io::Error::other)?;
    let text = read.remove(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.map(|text| SpdxDocument::from_json(&text).map_err(std::io::Error::other)).transpose()
}

/// One build, as its attestations describe it.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttestationWriter<'a> {
    pub(super) staging: &'a StagingFolder,
    pub(super) source: &'a SourceArchive,
    pub(super) golden: &'a Golden,
    pub(super) compiled: &'a CompiledArtifact,
    /// When the command began.
    pub(super) since: Timestamp,
}

impl AttestationWriter<'_> {
    /// Writes them into the staging folder, and returns their entries in the record. Artifacts of older versions carry
    /// no bill of materials: then there are no attestations.
    pub(super) fn write(self) -> Result<Option<Attestations>, Failure> {
        let Some(sbom) = &self.compiled.sbom else { return Ok(None) };
        let sbom = sbom.clone().of_tarball(self.compiled.sha256).to_json();
        let sbom = write(&self.staging.sbom(), &layout::sbom_file(self.staging.name()), &sbom)?;
        let packages = self.golden.package_list().map_err(ArtifactError::Io)?;
        let packages = self.write_log(PACKAGES, &packages)?;
        let lock = self.golden.package_lock()?;
        let package_lock = self.write_log(LOCK, &lock.to_text())?;
        let byproducts =
            [&sbom, &packages, &package_lock].map(|file| ResourceDescriptor::new(&file.file, None, file.sha256));
        let statement = self.statement(byproducts.to_vec()).to_json();
        let name = layout::provenance_file(self.staging.name());
        let provenance = write(&self.staging.provenance(), &name, &statement)?;
        let logs = self.staging.published_log("").trim_end_matches('/').to_owned();
        Ok(Some(Attestations { sbom, provenance, packages, package_lock: Some(package_lock), logs }))
    }

    fn write_log(self, name: &str, text: &str) -> Result<Attestation, ArtifactError> {
        write(&self.staging.among_logs(name), &self.staging.published_log(name), text)
    }

    fn statement(self, byproducts: Vec<ResourceDescriptor>) -> InTotoStatement {
        let CompiledArtifact { measured, origin, .. } = self.compiled;
        let version = map([("vmbuild", json!(env!("CARGO_PKG_VERSION"))), ("buildId", json!(BUILD_ID))]);
        let builder = ProvenanceBuilder { id: format!("urn:vmbuild:builder:{}", measured.backend), version };
        let started = match origin {
            BuildOrigin::Compiled => measured.began.clone(),
            BuildOrigin::Cache => format!("{:.0}", self.since),
        };
        let metadata = RunMetadata {
            invocation_id: uuid::Uuid::new_v4().to_string(),
            started_on: started,
            finished_on: format!("{:.0}", Timestamp::now()),
        };
        let predicate = Provenance {
            build_definition: self.definition(),
            run_details: RunDetails { builder, metadata, byproducts },
        };
        InTotoStatement::new(&self.staging.name().to_string(), self.compiled.sha256, predicate)
    }

    fn definition(self) -> BuildDefinition {
        let CompiledArtifact { info, measured, origin, .. } = self.compiled;
        let plan = &info.plan;
        BuildDefinition {
            build_type: BUILD_TYPE,
            external_parameters: map([
                ("version", json!(plan.version)),
                ("profile", json!(plan.profile)),
                ("image", json!(plan.image)),
                ("architecture", json!(plan.arch)),
            ]),
            internal_parameters: map([
                ("planSha256", json!(info.plan_sha256)),
                ("configureLine", json!(plan.configure_line)),
                ("origin", json!(origin)),
                ("backend", json!(measured.backend)),
                ("accelerator", json!(measured.accelerator)),
                ("kernel", json!(measured.kernel)),
                ("jobs", json!(measured.jobs)),
            ]),
            resolved_dependencies: self.dependencies(plan),
        }
    }

    fn dependencies(self, plan: &Plan) -> Vec<ResourceDescriptor> {
        let known = published(plan).map(|file| format!("{PUBLISHER}/{}", python_org_path(&plan.version, &file)));
        let image = format!("urn:vmbuild:image:{}", plan.image);
        let source = ResourceDescriptor::new(&self.source.file_name, known, plan.source_sha256);
        // Digests of images are SHA-256 in hexadecimal; any other would be left out.
        let image =
            plan.image_digest.parse().ok().map(|digest| ResourceDescriptor::new(&plan.image, Some(image), digest));
        let packages = ResourceDescriptor::new(PACKAGES, None, plan.packages_sha256);
        let counts = plan
            .profile_data_sha256
            .map(|digest| ResourceDescriptor::new(&layout::profile_data_file(self.staging.name()), None, digest));
        [source].into_iter().chain(image).chain([packages]).chain(counts).collect()
    }
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn write(to: &Path, name: &str, text: &str) -> Result<Attestation, ArtifactError> {
    write_atomically(to, text.as_bytes())?;
    let (_, sha256) = vmbuild_archive::sha256_file(to)?;
    Ok(Attestation { file: name.to_owned(), sha256: Sha256::from(sha256) })
}
