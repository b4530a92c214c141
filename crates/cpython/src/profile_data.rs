//! A training's counts as a file that is published: `<artifact>-profile.tar.zst`.
//!
//! Training counts what happened, and no two runs count the same, so a build that trains cannot be repeated. Its counts
//! can be kept: the second half of a build needs nothing else of the first. The file is a compressed tar archive:
//!
//! ```text
//! about.json           what the counts are of: `AboutCounts`
//! gcda/Objects/….gcda  one file for each compiled file, by its place in the tree
//! ```

use crate::json;
use crate::schema::Schema;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use vmbuild_archive::Sha256;

/// What says what the counts are of.
pub const ABOUT: &str = "about.json";

/// The folder that holds the counts.
pub const FOLDER: &str = "gcda";

/// The end of a file of counts.
pub const SUFFIX: &str = ".gcda";

/// Files of counts, as `find` knows them.
pub const PATTERN: &str = "*.gcda";

/// What counts are of: those of another source or compiler say nothing about this one's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AboutCounts {
    /// The form of this file.
    pub schema: Schema,
    /// Which CPython was trained.
    pub version: Version,
    /// SHA-256 of its source archive.
    pub source_sha256: Sha256,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// SHA-256 of the plan that the training was a part of: equal for equal source, image and steps.
    pub training_plan_sha256: Sha256,
    /// How many test files the training ran, all of which passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<u64>,
    /// Whether the processor was emulated: such counts are right, but the order of threads in them is not a real one's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emulated: bool,
}

impl AboutCounts {
    /// As indented JSON with a line break at its end.
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

    #[test]
    fn what_is_written_is_read() {
        let about = AboutCounts {
            schema: Schema,
            version: "3.13.5".parse().unwrap(),
            source_sha256: Sha256([1; 32]),
            arch: "x86_64".to_owned(),
            training_plan_sha256: Sha256([2; 32]),
            tests: Some(44),
            emulated: true,
        };
        assert_eq!(AboutCounts::from_json(&about.to_json()).unwrap(), about);
        let more = about.to_json().replacen('{', "{ \"more\": 1,", 1);
        assert!(AboutCounts::from_json(&more).is_err(), "nothing unknown is passed over");
    }
}
