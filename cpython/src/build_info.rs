//! `.build-info`: what an artifact says about how it came about.

use crate::layout::{BuildNumber, ImageWord};
use crate::profile::Profile;
use crate::sha256::Sha256;
use crate::schema::SchemaOne;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an artifact came about. The fields stand in the file in this order.
///
/// Some of them differ between two builds of the same plan: the seconds, the kernel, the backend. They are what a
/// reader asks for first when two artifacts differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// The form of this file.
    pub schema: SchemaOne,
    /// Which CPython.
    pub version: Version,
    /// Which build of it.
    pub build: BuildNumber,
    /// How much work went into it.
    pub profile: Profile,
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// The word of the image it was built in.
    pub image: ImageWord,
    /// SHA-256 that identifies the image.
    pub image_sha256: Sha256,
    /// SHA-256 of the plan ([`crate::Plan`]).
    pub plan_sha256: Sha256,
    /// How configure was called, quoted for a shell.
    pub configure: String,
    /// First line of `cc --version`.
    pub compiler: String,
    /// Versions of the packages that were installed, by name.
    pub packages: BTreeMap<String, String>,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Which backend ran the machine, such as `qemu` or `sandbox`.
    pub backend: String,
    /// What ran the machine's code, as was seen and not as was asked for, such as `kvm` or `tcg`; `null` where the
    /// host's processor runs it without any.
    pub accelerator: Option<String>,
    /// Seconds that each stage took, in their order.
    pub stages: Vec<StageTime>,
    /// Build id of the vmbuild that did it.
    pub vmbuild: String,
}

/// How long one stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageTime {
    /// Name of the recipe's step.
    pub name: String,
    /// Seconds, to a tenth.
    pub seconds: f64,
}

impl StageTime {
    /// From milliseconds.
    pub fn from_millis(name: impl Into<String>, millis: u64) -> Self {
        Self { name: name.into(), seconds: (millis as f64 / 100.0).round() / 10.0 }
    }
}

impl BuildInfo {
    /// As indented JSON with a line break at its end; fields always in the same order.
    #[expect(clippy::missing_panics_doc, reason = "serialising plain data cannot fail")]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        format!("{}\n", json.expect("plain data with text keys always becomes JSON"))
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> BuildInfo {
        BuildInfo {
            schema: SchemaOne,
            version: "3.13.5".parse().unwrap(),
            build: BuildNumber::FIRST,
            profile: Profile::Release,
            source_sha256: Sha256([1; 32]),
            image: "debian12".parse().unwrap(),
            image_sha256: Sha256([2; 32]),
            plan_sha256: Sha256([3; 32]),
            configure: "sh ./configure --enable-shared".to_owned(),
            compiler: "cc (Debian 12.2.0-14) 12.2.0".to_owned(),
            packages: [("libssl-dev", "3.0.17"), ("gcc-12", "12.2.0-14")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into(),
            arch: "x86_64".to_owned(),
            kernel: "6.1.0-56-cloud-amd64".to_owned(),
            backend: "qemu".to_owned(),
            accelerator: Some("tcg".to_owned()),
            stages: vec![StageTime::from_millis("configure", 21_449)],
            vmbuild: "0123456789abcdef".to_owned(),
        }
    }

    #[test]
    fn the_file_stays_as_it_is() {
        insta::assert_snapshot!(info().to_json());
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(BuildInfo::from_json(&info().to_json()).unwrap(), info());
    }

    #[test]
    fn a_form_of_tomorrow_is_refused() {
        let tomorrow = info().to_json().replace("\"schema\": 1", "\"schema\": 2");
        let error = BuildInfo::from_json(&tomorrow).unwrap_err().to_string();
        assert!(error.contains("schema 2 is unknown"), "{error}");
    }
}
