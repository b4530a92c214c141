//! The record of a build: what was measured on the way, beside the artifact as `<artifact>.build.json`.
//!
//! Seconds, kernel, accelerator and build number differ between two builds of one plan, so they cannot lie inside an
//! artifact whose bytes the plan determines. They are what a reader asks for first when two artifacts differ, so they
//! are kept all the same, with everything that `.build-info` says.

use crate::build_info::BuildInfo;
use crate::evidence::SourceEvidence;
use crate::json;
use crate::layout::{ArtifactName, BuildNumber};
use crate::schema::Schema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use vmbuild_archive::Sha256;

/// What is known about one artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildRecord {
    /// The form of this file.
    pub schema: Schema,
    /// Whose record this is.
    pub artifact: ArtifactName,
    /// Which build of its version and image.
    pub build: BuildNumber,
    /// SHA-256 of the tarball.
    pub sha256: Sha256,
    /// Length of the tarball.
    pub bytes: u64,
    /// The tarball with the debug info that was split off it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_info: Option<Beside>,
    /// Whether this build compiled it or took it from an earlier one of the same plan.
    pub origin: BuildOrigin,
    /// What vouches for the source it was compiled from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceEvidence>,
    /// The counts that a release build was optimised by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_data: Option<UsedProfile>,
    /// What was measured while it was compiled.
    pub measured: Measured,
    /// What lies beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "papers")]
    pub attestations: Option<Attestations>,
    /// Seconds that the validation of this artifact took, to a tenth.
    pub validation_seconds: f64,
    /// The artifact's own `.build-info`.
    pub info: BuildInfo,
}

/// A file beside an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its length.
    pub bytes: u64,
}

/// Where an artifact's bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildOrigin {
    /// Compiled by this build.
    Compiled,
    /// Compiled and validated by an earlier build of the same plan, which is the one measured; validated again.
    Cache,
}

/// The profile that an artifact was optimised by; published beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedProfile {
    /// SHA-256 of the published file.
    pub sha256: Sha256,
    /// Where this build had it from.
    pub from: ProfileOrigin,
    /// How many files of counts there are in it.
    pub files: usize,
    /// SHA-256 of the plan that was trained.
    pub training_plan_sha256: Sha256,
    /// The training itself, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
}

/// A training that passed; one that did not makes no artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Test files that ran.
    pub tests: u64,
    /// Those of them that failed: none, or there would be no profile.
    pub failed: u64,
    /// Seconds it took, to a tenth; unknown where another build trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Whether the processor was emulated.
    pub emulated: bool,
}

/// What lies beside an artifact and says something about it, each with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestations {
    /// The bill of materials: [`crate::sbom`].
    pub sbom: Attestation,
    /// Where it comes from: [`crate::provenance`].
    pub provenance: Attestation,
    /// What is installed in the build machine, a line `name=version arch` each.
    pub packages: Attestation,
    /// The lock file that the machines were made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_lock: Option<Attestation>,
    /// The folder of logs.
    pub logs: String,
}

/// A file beside an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Where it is, seen from the artifact's folder.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Sha256,
}

/// Where a build has its profile from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileOrigin {
    /// This build trained.
    Trained,
    /// The user named the file.
    Given,
    /// It lay beside an earlier artifact.
    Published,
    /// The store had it of an earlier training.
    Kept,
}

/// What one compilation took, and where it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// When it began, as RFC 3339 writes times.
    pub began: String,
    /// Which backend ran the machine, such as `qemu` or `sandbox`.
    pub backend: String,
    /// What ran the machine's code, as was seen and not as was asked for, such as `kvm` or `tcg`.
    pub accelerator: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Model name of the first processor.
    pub cpu_model: String,
    /// Processes that compiled at a time.
    pub jobs: u32,
    /// Build id of the vmbuild that did it.
    pub vmbuild: String,
    /// Seconds that each stage took, in their order.
    pub stage_seconds: StageSeconds,
}

/// Seconds by stage, to a tenth; a map in the file, in the order in which the stages ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageSeconds(Vec<(String, f64)>);

impl StageSeconds {
    /// The stages in their order, each with its seconds.
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
        from.deserialize_map(InOrder)
    }
}

/// Reads a map without sorting it.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
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
    /// The file's text.
    pub fn to_json(&self) -> String {
        json::pretty(self)
    }

    /// Reads what [`Self::to_json`] wrote.
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
        let paper = |file: &str| Attestation { file: file.to_owned(), sha256: Sha256([3; 32]) };
        Attestations {
            sbom: paper("a.tgz.spdx.json"),
            provenance: paper("a.tgz.provenance.json"),
            packages: paper("logs/a/packages.list"),
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
            debug_info: Some(Beside { sha256: Sha256([8; 32]), bytes: 5_000_000 }),
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
                training: Some(Training { tests: 44, failed: 0, seconds: Some(70.1), emulated: false }),
            }),
            measured: Measured {
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
    fn what_is_written_is_read() {
        let text = record().to_json();
        let rounded = BuildRecord::from_json(&text).unwrap();
        assert_eq!(rounded.to_json(), text);
        let stages: Vec<&str> = rounded.measured.stage_seconds.iter().map(|(stage, _)| stage).collect();
        assert_eq!(stages, ["unpack", "configure", "compile"], "in the order in which they ran");
    }
}
