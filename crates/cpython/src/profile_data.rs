//! Profile data as a published file: `<artifact>-profile.tar.zst`.
//!
//! No two training runs count exactly the same, so a build that runs its own training cannot be repeated. Its profile
//! data can be kept: the second half of a build needs nothing else from the first. The file is a compressed tar archive:
//!
//! ```text
//! about.json           origin of the profile data: `ProfileDataInfo`
//! gcda/Objects/….gcda  one file per compiled file, at the same path as in the tree
//! ```

use crate::schema::{Schema, pretty_json};
use crate::version::Version;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;

/// Name of the file with the [`ProfileDataInfo`].
pub const ABOUT: &str = "about.json";

/// Folder of the profile data files.
pub const FOLDER: &str = "gcda";

/// Suffix of a profile data file.
pub const SUFFIX: &str = ".gcda";

/// Pattern of profile data files for `find`.
pub(crate) const PATTERN: &str = "*.gcda";

/// Origin of profile data, which is valid only for the same source and compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileDataInfo {
    /// Schema version of this file.
    pub schema: Schema,
    /// CPython version that was trained.
    pub version: Version,
    /// SHA-256 of its source archive.
    pub source_sha256: Sha256,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// SHA-256 of the plan of the training build: equal for equal source, image and steps.
    pub training_plan_sha256: Sha256,
    /// Number of test files that the training ran; all of them passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<u64>,
    /// True if the processor was emulated: such counts are correct, but threads were not interleaved as on real hardware.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emulated: bool,
}

impl ProfileDataInfo {
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

    #[test]
    fn written_files_parse_back() {
        let about = ProfileDataInfo {
            schema: Schema,
            version: "3.13.5".parse().unwrap(),
            source_sha256: Sha256([1; 32]),
            arch: "x86_64".to_owned(),
            training_plan_sha256: Sha256([2; 32]),
            tests: Some(44),
            emulated: true,
        };
        assert_eq!(ProfileDataInfo::from_json(&about.to_json()).unwrap(), about);
        let more = about.to_json().replacen('{', "{ \"more\": 1,", 1);
        assert!(ProfileDataInfo::from_json(&more).is_err(), "unknown fields are refused");
    }
}
