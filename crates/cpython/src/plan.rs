//! The plan: everything that determines an artifact's bytes, and nothing else.
//!
//! Two builds with one plan should give equal trees; if they do not, the plan misses an input. Settings that only affect
//! the duration of a build are left out: the number of jobs, the time limits, the backend. vmbuild itself is represented
//! by the full steps and the packer's version, not by a build id: a newer vmbuild with the same behavior has the same
//! plans. The host hashes [`Plan::to_json`].

use crate::layout::Extent;
use crate::profile::Profile;
use crate::recipe::{GuestSpeed, ProfileSource, RecipeInput, recipe};
use crate::schema::Schema;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;
use vmbuild_protocol::Steps;

/// All inputs that determine an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Schema version of this data.
    pub schema: Schema,
    /// CPython version.
    pub version: Version,
    /// Build profile.
    pub profile: Profile,
    /// Amount of CPython that goes into the artifact.
    #[serde(default, skip_serializing_if = "Extent::is_full")]
    pub extent: Extent,
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// Name of the image, such as `debian-12`.
    pub image: String,
    /// SHA-256, in hexadecimal, of the image with all its packages.
    pub image_digest: String,
    /// SHA-256 of its sorted package list, one line `name=version arch` per package.
    pub packages_sha256: Sha256,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// Command line of configure, quoted for a shell.
    pub configure_line: String,
    /// Steps for one job on a native machine: [`Recipe::plan_steps`](crate::Recipe::plan_steps).
    pub steps: Steps,
    /// Timestamp of every archive entry, in seconds since the Unix epoch: [`MTIME`](crate::layout::MTIME).
    pub mtime: u64,
    /// Version of the archive format: `vmbuild_archive::FORM`.
    pub packer: u32,
    /// SHA-256 of the published profile that a release build is optimized with. Without one, the build runs its own
    /// training, and the result is determined only once its profile data is published: see [`Self::with_profile_data`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_data_sha256: Option<Sha256>,
    /// Version of the metadata that vmbuild writes into an artifact: [`ATTESTATIONS`]. 0 in older plans.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[serde(rename = "papers")]
    pub attestations: u32,
}

/// Version of `.build-info` and `.sbom.spdx.json`. Increased whenever their bytes change for equal builds.
pub const ATTESTATIONS: u32 = 1;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Plan {
    /// Returns this plan with existing profile data. A build that ran its own training has this plan too, once its
    /// profile data is published: from then on the two are the same.
    #[must_use]
    pub fn with_profile_data(&self, profile_data: Sha256) -> Self {
        let input = RecipeInput {
            version: self.version,
            profile: self.profile,
            jobs: 1,
            source: String::new(),
            guest_speed: GuestSpeed::Native,
            counts: ProfileSource::Given,
            extent: self.extent,
        };
        let steps = recipe(&input).plan_steps();
        Self { steps, profile_data_sha256: Some(profile_data), ..self.clone() }
    }

    /// Returns the canonical text of this plan: compact JSON with the fields in declaration order. The host hashes it.
    #[expect(clippy::missing_panics_doc, reason = "serializing plain data cannot fail")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data with text keys always becomes JSON")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn plan(version: &str, profile: Profile, jobs: u32) -> Plan {
        let (version, guest_speed) = (version.parse().unwrap(), GuestSpeed::Native);
        let (source, counts) = (format!("/build/{jobs}"), ProfileSource::Trained);
        let extent = Extent::Full;
        let made = recipe(&RecipeInput { version, profile, jobs, source, guest_speed, counts, extent });
        Plan {
            schema: Schema,
            version,
            profile,
            extent,
            source_sha256: Sha256([1; 32]),
            image: "debian-12".to_owned(),
            image_digest: "02".repeat(32),
            packages_sha256: Sha256([2; 32]),
            arch: "x86_64".to_owned(),
            configure_line: made.configure_line.clone(),
            steps: made.plan_steps(),
            mtime: crate::layout::MTIME,
            packer: 1,
            profile_data_sha256: None,
            attestations: ATTESTATIONS,
        }
    }

    #[test]
    fn a_plan_has_one_canonical_text() {
        let release = plan("3.13.5", Profile::Release, 2);
        assert_eq!(serde_json::from_str::<Plan>(&release.to_json()).unwrap(), release);
        assert!(release.to_json().starts_with(r#"{"schema":1,"version":"3.13.5","profile":"release","#));
    }

    #[test]
    fn the_number_of_jobs_and_the_source_path_do_not_matter() {
        assert_eq!(plan("3.13.5", Profile::Release, 2).to_json(), plan("3.13.5", Profile::Release, 16).to_json());
    }

    #[test]
    fn every_input_changes_the_text() {
        let base = plan("3.13.5", Profile::Release, 2);
        let others = [
            plan("3.13.15", Profile::Release, 2),
            plan("3.13.5", Profile::Fast, 2),
            Plan { image_digest: "03".repeat(32), ..base.clone() },
            Plan { source_sha256: Sha256([3; 32]), ..base.clone() },
            Plan { packages_sha256: Sha256([3; 32]), ..base.clone() },
            Plan { packer: 2, ..base.clone() },
            Plan { extent: Extent::Slim, ..base.clone() },
            Plan { attestations: 0, ..base.clone() },
            base.with_profile_data(Sha256([3; 32])),
            base.with_profile_data(Sha256([4; 32])),
            Plan { arch: "aarch64".to_owned(), ..base.clone() },
        ];
        for other in others {
            assert_ne!(other.to_json(), base.to_json());
        }
    }
}
