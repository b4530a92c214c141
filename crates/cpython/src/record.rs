//! Record of a build with its measurements, next to the artifact as `<artifact>.build.json`.
//!
//! Durations, kernel, accelerator and build number differ between two builds of one plan, so they cannot be part of an
//! artifact whose bytes the plan determines. But they are the first thing to look at when two artifacts differ, so they
//! are recorded here, together with the contents of `.build-info`.

use crate::build_info::BuildInfo;
use crate::evidence::SourceEvidence;
use crate::layout::{ArtifactName, BuildNumber};
use crate::schema::{Schema, pretty_json};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use vmbuild_archive::Sha256;

/// Record of one artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildRecord {
    /// Schema version of this file.
    pub schema: Schema,
    /// Name of the artifact.
    pub artifact: ArtifactName,
    /// Number of this build among those of the same version and image.
    pub build: BuildNumber,
    /// SHA-256 of the tarball.
    pub sha256: Sha256,
    /// Size of the tarball in bytes.
    pub bytes: u64,
    /// Tarball with the separated debug info.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_info: Option<CompanionFile>,
    /// Origin of the artifact: this build, or an earlier one of the same plan.
    pub origin: BuildOrigin,
    /// Evidence for the source archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceEvidence>,
    /// Profile data that a release build was optimized with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_data: Option<UsedProfile>,
    /// Measurements of the compilation.
    pub measured: BuildMeasurements,
    /// Attestations next to the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "papers")]
    pub attestations: Option<Attestations>,
    /// Duration of the validation in seconds, rounded to a tenth.
    pub validation_seconds: f64,
    /// Contents of the artifact's `.build-info`.
    pub info: BuildInfo,
}

/// A published file next to an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanionFile {
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Size in bytes.
    pub bytes: u64,
}

/// Origin of an artifact's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildOrigin {
    /// Compiled by this build.
    Compiled,
    /// Compiled by an earlier build of the same plan, to which the measurements belong; validated again.
    Cache,
}

/// Profile that an artifact was optimized with, published next to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedProfile {
    /// SHA-256 of the published file.
    pub sha256: Sha256,
    /// Origin of the profile.
    pub from: ProfileOrigin,
    /// Number of profile data files in it.
    pub files: usize,
    /// SHA-256 of the plan of the training build.
    pub training_plan_sha256: Sha256,
    /// The training, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
}

/// A successful training. A failed one produces no artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// Number of test files that ran.
    pub tests: u64,
    /// Number of test files that failed: always 0, because a failure leaves no profile.
    pub failed: u64,
    /// Duration in seconds, rounded to a tenth; unknown if another build trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// True if the processor was emulated.
    pub emulated: bool,
}

/// Files next to an artifact that attest to it, each with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestations {
    /// Software bill of materials: [`crate::sbom`].
    pub sbom: Attestation,
    /// Provenance statement: [`crate::provenance`].
    pub provenance: Attestation,
    /// Packages of the build machine, one line `name=version arch` each.
    pub packages: Attestation,
    /// Lock file that the machines were provisioned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_lock: Option<Attestation>,
    /// Folder of the logs.
    pub logs: String,
}

/// An attestation file next to an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Path relative to the artifact's folder.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: Sha256,
}

/// Origin of a build's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileOrigin {
    /// Trained by this build.
    Trained,
    /// A file given by the user.
    Given,
    /// Published next to an earlier artifact.
    Published,
    /// Kept in the store since an earlier training.
    Kept,
}

/// Measurements of a compilation, and the machine it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildMeasurements {
    /// Start time (RFC 3339).
    pub began: String,
    /// Backend of the machine, such as `qemu` or `sandbox`.
    pub backend: String,
    /// Accelerator that was actually in use, such as `kvm` or `tcg`.
    pub accelerator: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Model name of the first processor.
    pub cpu_model: String,
    /// Number of parallel compile jobs.
    pub jobs: u32,
    /// Build id of vmbuild.
    pub vmbuild: String,
    /// Duration of each stage in seconds, in order.
    pub stage_seconds: StageSeconds,
}

/// Seconds by stage, rounded to a tenth. Serialized as a map in the order in which the stages ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageSeconds(Vec<(String, f64)>);

impl StageSeconds {
    /// Iterates over the stages in order, each with its seconds.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(stage, seconds)| (stage.as_str(), *seconds))
    }
}

impl FromIterator<(String, f64)> for StageSeconds {
    fn from_iter<I: IntoIterator<Item = (String, f64)>>(stages: I) -> Self {
        Self(stages.into_iter().map(|(stage, seconds)| (stage, (seconds * 10.0).round() / 10.0)).collect())
    }
}

impl Serialize for StageSeconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for StageSeconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(StageSecondsVisitor)
    }
}

/// Deserializes a map without sorting it.
struct StageSecondsVisitor;

impl<'de> Visitor<'de> for StageSecondsVisitor {
    type Value = StageSeconds;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("seconds by stage")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StageSeconds, A::Error> {
        let mut stages = Vec::new();
        while let Some(stage) = map.next_entry()? {
            stages.push(stage);
        }
        Ok(StageSeconds(stages))
    }
}

impl BuildRecord {
    /// Returns indented JSON with a trailing newline.
    pub fn to_json(&self) -> String {
        pretty_json(self)
    }

    /// Parses the output of [`Self::to_json`].
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_info::tests::info;
    use crate::evidence::{DigestOrigin, SourceSignature};

    fn attestations() -> Attestations {
        let attestation = |file: &str| Attestation { file: file.to_owned(), sha256: Sha256([3; 32]) };
        Attestations {
            sbom: attestation("a.tgz.spdx.json"),
            provenance: attestation("a.tgz.provenance.json"),
            packages: attestation("logs/a/packages.list"),
            package_lock: None,
            logs: "logs/a".to_owned(),
        }
    }

    fn record() -> BuildRecord {
        let stages = [("unpack", 2.04), ("configure", 21.449), ("compile", 90.0)];
        BuildRecord {
            schema: Schema,
            artifact: "cpython-3.13.5-debian12-build2.tgz".parse().unwrap(),
            build: BuildNumber::FIRST.next(),
            sha256: Sha256([5; 32]),
            bytes: 39_891_054,
            debug_info: Some(CompanionFile { sha256: Sha256([8; 32]), bytes: 5_000_000 }),
            origin: BuildOrigin::Cache,
            source: Some(SourceEvidence {
                file: "Python-3.13.5.tar.xz".to_owned(),
                digest_from: DigestOrigin::Pinned,
                signatures: vec![SourceSignature::OpenPgp {
                    fingerprint: "7169605F62C751356D054A26A821E680E5FA6305".to_owned(),
                    owner: "Thomas Wouters <thomas@python.org>".to_owned(),
                    signed: "2025-06-11T17:45:54Z".to_owned(),
                    from: "http://mirror.example/x.tar.xz.asc".to_owned(),
                    sha256: Sha256([8; 32]),
                }],
                without: vec!["sigstore: no connection within 5 s".to_owned()],
            }),
            profile_data: Some(UsedProfile {
                sha256: Sha256([6; 32]),
                from: ProfileOrigin::Published,
                files: 340,
                training_plan_sha256: Sha256([7; 32]),
                training: Some(TrainingRecord { tests: 44, failed: 0, seconds: Some(70.1), emulated: false }),
            }),
            measured: BuildMeasurements {
                began: "2026-01-02T03:04:05Z".to_owned(),
                backend: "qemu".to_owned(),
                accelerator: "tcg".to_owned(),
                kernel: "6.1.0-56-cloud-amd64".to_owned(),
                cpu_model: "QEMU Virtual CPU".to_owned(),
                jobs: 2,
                vmbuild: "0123456789abcdef".to_owned(),
                stage_seconds: stages.map(|(stage, seconds)| (stage.to_owned(), seconds)).into_iter().collect(),
            },
            attestations: Some(attestations()),
            validation_seconds: 4.2,
            info: info(),
        }
    }

    #[test]
    fn what_is_measured_stays_as_it_is() {
        let mut value = serde_json::to_value(record()).unwrap();
        value.as_object_mut().unwrap().remove("info");
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn written_files_parse_back() {
        let text = record().to_json();
        let rounded = BuildRecord::from_json(&text).unwrap();
        assert_eq!(rounded.to_json(), text);
        let stages: Vec<&str> = rounded.measured.stage_seconds.iter().map(|(stage, _)| stage).collect();
        assert_eq!(stages, ["unpack", "configure", "compile"], "in the order in which they ran");
    }
}
