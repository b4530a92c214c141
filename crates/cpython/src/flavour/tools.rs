//! Tools that a flavour needs and not every image has.

use super::{Flavour, Flavours};

/// First major version of GCC that writes SARIF files. Source: its release notes for 13.
const FIRST_SARIF: u32 = 13;

/// The image lacks a tool that a flavour needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingTool {
    /// clang is not installed.
    #[error("image {image} does not contain the package `clang`")]
    Clang {
        /// The image's name.
        image: String,
    },
    /// GCC is too old to write SARIF files.
    #[error("image {image} has GCC {found}, but the analyzer needs GCC {FIRST_SARIF} or later to write SARIF files")]
    Sarif {
        /// The image's name.
        image: String,
        /// Version of the installed GCC.
        found: String,
    },
}

/// Returns the tool that the image lacks for these flavours, if any. `packages` has one line `name=version arch` per
/// package.
pub fn missing_tool(flavours: Flavours, image: &str, packages: &str) -> Option<MissingTool> {
    let version =
        |name: &str| packages.lines().find_map(|line| line.split_once('=').filter(|(found, _)| *found == name));
    if flavours.has(Flavour::Clang) && version("clang").is_none() {
        return Some(MissingTool::Clang { image: image.to_owned() });
    }
    if flavours.has(Flavour::Analyzer) {
        let found = version("gcc").map_or("none", |(_, rest)| upstream(rest));
        let major: u32 = found.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        if major < FIRST_SARIF {
            return Some(MissingTool::Sarif { image: image.to_owned(), found: found.to_owned() });
        }
    }
    None
}

/// Extracts `12.2.0` from `4:12.2.0-3 amd64`.
fn upstream(version: &str) -> &str {
    let version = version.split_whitespace().next().unwrap_or_default();
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version.split_once('-').map_or(version, |(upstream, _)| upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flavour: Flavour, packages: &str, expect: Option<&str>) {
        let missing = missing_tool(Flavours::NONE.and(flavour), "debian-12", packages);
        assert_eq!(missing.map(|missing| missing.to_string()).as_deref(), expect);
    }

    #[test]
    fn missing_tools_are_found_by_the_package_list() {
        let (old, new) = ("gcc=4:12.2.0-3 amd64\n", "clang=1:19.0-63 amd64\ngcc=4:14.2.0-1 amd64\n");
        let sarif = "image debian-12 has GCC 12.2.0, but the analyzer needs GCC 13 or later to write SARIF files";
        check(Flavour::Analyzer, old, Some(sarif));
        check(Flavour::Analyzer, new, None);
        check(Flavour::Clang, old, Some("image debian-12 does not contain the package `clang`"));
        check(Flavour::Clang, new, None);
        check(Flavour::Asan, old, None);
    }
}
