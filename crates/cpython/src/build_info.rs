//! `.build-info`: what an artifact says about how it came about.
//!
//! It lies inside the artifact, and one plan shall give the same bytes. So it holds what the plan and its golden machine
//! determine, and the plan itself, so that anybody can build it again. What was measured on the way is in the record
//! beside the artifact: [`BuildRecord`](crate::BuildRecord).

use crate::json;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::schema::Schema;
use crate::took_effect::TookEffect;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;
use vmbuild_protocol::Package;

/// How an artifact came about. The fields stand in the file in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// The form of this file.
    pub schema: Schema,
    /// Which CPython.
    pub version: Version,
    /// How much work went into it.
    pub profile: Profile,
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// The image it was built in, such as `debian-12`.
    pub image: String,
    /// SHA-256, in hexadecimal, that identifies the image with all its packages.
    pub image_digest: String,
    /// How configure was called, quoted for a shell.
    pub configure_line: String,
    /// First line of `cc --version`.
    pub compiler: String,
    /// `PRETTY_NAME` of the guest.
    pub os: String,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// The packages that were installed, sorted by name.
    pub packages: Vec<Package>,
    /// What was seen of what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_effect: Option<TookEffect>,
    /// SHA-256 of [`Plan::to_json`].
    pub plan_sha256: Sha256,
    /// Everything that determined the artifact.
    pub plan: Plan,
}

impl BuildInfo {
    /// As indented JSON with a line break at its end; fields always in the same order.
    pub fn to_json(&self) -> String {
        json::pretty(self)
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::tests::plan;
    use crate::took_effect::{Libpython, LinkedLibrary};

    fn took_effect() -> TookEffect {
        let [name, version, arch] = ["libffi8", "3.4.4-1", "amd64"].map(str::to_owned);
        let libffi = LinkedLibrary { soname: "libffi.so.8".to_owned(), package: Package { name, version, arch } };
        TookEffect { libpython: Libpython::Shared, libffi, lto: None, profile_coverage: None }
    }

    pub(crate) fn info() -> BuildInfo {
        let plan = plan("3.13.5", Profile::Fast, 1);
        BuildInfo {
            schema: Schema,
            version: plan.version,
            profile: plan.profile,
            source_sha256: plan.source_sha256,
            image: plan.image.clone(),
            image_digest: plan.image_digest.clone(),
            configure_line: plan.configure_line.clone(),
            compiler: "cc (Debian 12.2.0-14) 12.2.0".to_owned(),
            os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            arch: plan.arch.clone(),
            packages: vec![Package {
                name: "gcc-12".to_owned(),
                version: "12.2.0-14".to_owned(),
                arch: "amd64".to_owned(),
            }],
            took_effect: Some(took_effect()),
            plan_sha256: Sha256([4; 32]),
            plan,
        }
    }

    #[test]
    fn the_file_stays_as_it_is() {
        let mut info = info();
        info.plan.steps.steps.clear();
        insta::assert_snapshot!(info.to_json());
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(BuildInfo::from_json(&info().to_json()).unwrap(), info());
    }

    #[test]
    fn a_form_of_tomorrow_is_refused() {
        let tomorrow = info().to_json().replacen("\"schema\": 1", "\"schema\": 2", 1);
        let error = BuildInfo::from_json(&tomorrow).unwrap_err().to_string();
        assert!(error.contains("schema 2 is unknown"), "{error}");
    }
}
