//! `.build-info`: an artifact's own description of how it was built.
//!
//! The file is part of the artifact, and one plan must always give the same bytes. So it holds only facts that follow from
//! the plan and its golden machine, and the plan itself, so that anybody can repeat the build. Measurements are in the
//! record next to the artifact: [`BuildRecord`](crate::BuildRecord).

use crate::plan::Plan;
use crate::profile::Profile;
use crate::schema::{Schema, pretty_json};
use crate::verified_options::VerifiedOptions;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;
use vmbuild_protocol::Package;

/// Description of how an artifact was built. The file lists the fields in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// Schema version of this file.
    pub schema: Schema,
    /// CPython version.
    pub version: Version,
    /// Build profile.
    pub profile: Profile,
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// Name of the image it was built in, such as `debian-12`.
    pub image: String,
    /// SHA-256, in hexadecimal, of the image with all its packages.
    pub image_digest: String,
    /// Command line of configure, quoted for a shell.
    pub configure_line: String,
    /// First line of `cc --version`.
    pub compiler: String,
    /// `PRETTY_NAME` of the guest.
    pub os: String,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// Installed packages, sorted by name.
    pub packages: Vec<Package>,
    /// Requested build options, as verified on the finished files.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "took_effect")]
    pub verified_options: Option<VerifiedOptions>,
    /// SHA-256 of [`Plan::to_json`].
    pub plan_sha256: Sha256,
    /// All inputs that determined the artifact.
    pub plan: Plan,
}

impl BuildInfo {
    /// Returns indented JSON with a trailing newline; the order of the fields is fixed.
    pub fn to_json(&self) -> String {
        pretty_json(self)
    }

    /// Parses the output of [`Self::to_json`].
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::tests::plan;
    use crate::verified_options::{LibpythonLinkage, LinkedLibrary};

    fn verified_options() -> VerifiedOptions {
        let [name, version, arch] = ["libffi8", "3.4.4-1", "amd64"].map(str::to_owned);
        let libffi = LinkedLibrary { soname: "libffi.so.8".to_owned(), package: Package { name, version, arch } };
        VerifiedOptions { libpython: LibpythonLinkage::Shared, libffi, lto: None, profile_coverage: None }
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
            verified_options: Some(verified_options()),
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
    fn written_files_parse_back() {
        assert_eq!(BuildInfo::from_json(&info().to_json()).unwrap(), info());
    }

    #[test]
    fn an_unknown_schema_is_refused() {
        let newer = info().to_json().replacen("\"schema\": 1", "\"schema\": 2", 1);
        let error = BuildInfo::from_json(&newer).unwrap_err().to_string();
        assert!(error.contains("unsupported schema 2"), "{error}");
    }
}
