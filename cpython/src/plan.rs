//! The plan: everything that determines an artifact's bytes, and nothing else.
//!
//! Two builds with one plan should give equal trees; where they do not, the plan misses something. So what only decides
//! how long a build takes stays out: the number of jobs, the time limits, the backend. The host hashes
//! [`Plan::canonical_json`].

use crate::layout::{self, ImageWord};
use crate::profile::Profile;
use crate::recipe::{RecipeInput, Slowness, recipe};
use crate::sha256::Sha256;
use crate::schema::SchemaOne;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use vmbuild_protocol::Steps;

/// What determines an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The form of this data.
    pub schema: SchemaOne,
    /// Which CPython.
    pub version: Version,
    /// How much work goes into it.
    pub profile: Profile,
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// The word of the image.
    pub image: ImageWord,
    /// SHA-256 that identifies the image with all its packages.
    pub image_sha256: Sha256,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// How configure is called, quoted for a shell.
    pub configure: String,
    /// The recipe for one job on a fast machine.
    pub steps: Steps,
    /// The time that every entry carries, in seconds since the Unix epoch.
    pub mtime: u64,
}

/// What a build starts from: the part of a plan that is not known to this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// The word of the image.
    pub image: ImageWord,
    /// SHA-256 that identifies the image with all its packages.
    pub image_sha256: Sha256,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
}

impl Plan {
    /// The plan for a version built with a profile from these inputs.
    pub fn new(version: Version, profile: Profile, inputs: Inputs) -> Self {
        // The same for everybody: what differs between machines must not show.
        let (source, work) = ("/build/source".to_owned(), "/build".to_owned());
        let made = recipe(&RecipeInput { version, profile, jobs: 1, source, work, slow: Slowness::Native });
        Self {
            schema: SchemaOne,
            version,
            profile,
            source_sha256: inputs.source_sha256,
            image: inputs.image,
            image_sha256: inputs.image_sha256,
            arch: inputs.arch,
            configure: made.configure_line,
            steps: made.steps,
            mtime: layout::EPOCH,
        }
    }

    /// The one text of this plan: JSON without spaces, fields in their order here.
    #[expect(clippy::missing_panics_doc, reason = "serialising plain data cannot fail")]
    pub fn canonical_json(&self) -> String {
        serde_json::to_string(self).expect("plain data with text keys always becomes JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(version: &str, profile: Profile) -> Plan {
        let image = "debian12".parse().unwrap();
        let inputs =
            Inputs { source_sha256: Sha256([1; 32]), image, image_sha256: Sha256([2; 32]), arch: "x86_64".to_owned() };
        Plan::new(version.parse().unwrap(), profile, inputs)
    }

    #[test]
    fn a_plan_has_one_text_and_is_read_back_from_it() {
        let release = plan("3.13.5", Profile::Release);
        assert_eq!(release.canonical_json(), plan("3.13.5", Profile::Release).canonical_json());
        assert_eq!(serde_json::from_str::<Plan>(&release.canonical_json()).unwrap(), release);
        assert!(release.canonical_json().starts_with(r#"{"schema":1,"version":"3.13.5","profile":"release","#));
    }

    #[test]
    fn what_determines_the_output_changes_the_text() {
        let base = plan("3.13.5", Profile::Release);
        let others = [
            plan("3.13.15", Profile::Release),
            plan("3.13.5", Profile::Fast),
            Plan { image_sha256: Sha256([3; 32]), ..base.clone() },
            Plan { source_sha256: Sha256([3; 32]), ..base.clone() },
            Plan { arch: "aarch64".to_owned(), ..base.clone() },
        ];
        for other in others {
            assert_ne!(other.canonical_json(), base.canonical_json());
        }
    }
}
