//! `.build-info`: what an artifact says about how it came about.

use crate::layout::BuildNumber;
use crate::profile::Profile;
use crate::schema::Schema;
use crate::sha256::Sha256;
use crate::version::Version;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use vmbuild_protocol::Package;

/// How an artifact came about. The fields stand in the file in this order.
///
/// Some of them differ between two builds of the same plan: the seconds, the kernel, the backend. They are what a
/// reader asks for first when two artifacts differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// The form of this file.
    pub schema: Schema,
    /// Which CPython.
    pub version: Version,
    /// Which build of it.
    pub build: BuildNumber,
    /// How much work went into it.
    pub profile: Profile,
    /// SHA-256 of the source archive.
    pub source_sha256: Sha256,
    /// The image it was built in, such as `debian-12`.
    pub image: String,
    /// SHA-256, in hexadecimal, that identifies the image with all its packages.
    pub image_digest: String,
    /// SHA-256, in hexadecimal, of the plan ([`crate::Plan`]).
    pub plan: String,
    /// How configure was called, quoted for a shell.
    pub configure_line: String,
    /// First line of `cc --version`.
    pub compiler: String,
    /// `PRETTY_NAME` of the guest.
    pub os: String,
    /// Machine architecture, as `uname -m` prints it.
    pub arch: String,
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Which backend ran the machine, such as `qemu` or `sandbox`.
    pub backend: String,
    /// What ran the machine's code, as was seen and not as was asked for, such as `kvm` or `tcg`.
    pub accelerator: String,
    /// Seconds that each stage took, in their order.
    pub stage_seconds: StageSeconds,
    /// Build id of the vmbuild that did it.
    pub vmbuild: String,
    /// The packages that were installed, sorted by name.
    pub packages: Vec<Package>,
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
            schema: Schema,
            version: "3.13.5".parse().unwrap(),
            build: BuildNumber::FIRST,
            profile: Profile::Release,
            source_sha256: Sha256([1; 32]),
            image: "debian-12".to_owned(),
            image_digest: "02".repeat(32),
            plan: "03".repeat(32),
            configure_line: "sh ./configure --enable-shared".to_owned(),
            compiler: "cc (Debian 12.2.0-14) 12.2.0".to_owned(),
            os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            arch: "x86_64".to_owned(),
            kernel: "6.1.0-56-cloud-amd64".to_owned(),
            backend: "qemu".to_owned(),
            accelerator: "tcg".to_owned(),
            stage_seconds: [("unpack", 2.04), ("configure", 21.449)]
                .map(|(stage, s)| (stage.to_owned(), s))
                .into_iter()
                .collect(),
            vmbuild: "0123456789abcdef".to_owned(),
            packages: vec![Package {
                name: "gcc-12".to_owned(),
                version: "12.2.0-14".to_owned(),
                arch: "amd64".to_owned(),
            }],
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
