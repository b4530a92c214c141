//! What a flavour needs in the machine that not every image has.

use super::{Flavour, Flavours};

/// The first GCC that writes SARIF files. Source: its release notes for 13.
const FIRST_SARIF: u32 = 13;

/// An image lacks what a flavour is made with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingTool {
    /// No clang.
    #[error("{image} has no package `clang`")]
    Clang {
        /// Which image.
        image: String,
    },
    /// A GCC that cannot write down what it finds.
    #[error("{image} has GCC {found}: its analyzer cannot write SARIF files, GCC {FIRST_SARIF} and later can")]
    Sarif {
        /// Which image.
        image: String,
        /// Its version.
        found: String,
    },
}

/// What the image lacks for these flavours, by its list of packages: a line `name=version arch` for each.
pub fn missing_tool(flavours: Flavours, image: &str, packages: &str) -> Option<MissingTool> {
    let version =
        |name: &str| packages.lines().find_map(|line| line.split_once('=').filter(|(found, _)| *found == name));
    if flavours.has(Flavour::Clang) && version("clang").is_none() {
        return Some(MissingTool::Clang { image: image.to_owned() });
    }
    if flavours.has(Flavour::Analyzer) {
        let found = version("gcc").map_or("none", |(_, rest)| upstream(rest));
        let major: u32 = found.split('.').next().and_then(|word| word.parse().ok()).unwrap_or(0);
        if major < FIRST_SARIF {
            return Some(MissingTool::Sarif { image: image.to_owned(), found: found.to_owned() });
        }
    }
    None
}

/// `12.2.0` of `4:12.2.0-3 amd64`.
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
    fn the_list_of_packages_says_what_is_missing() {
        let (old, new) = ("gcc=4:12.2.0-3 amd64\n", "clang=1:19.0-63 amd64\ngcc=4:14.2.0-1 amd64\n");
        let sarif = "debian-12 has GCC 12.2.0: its analyzer cannot write SARIF files, GCC 13 and later can";
        check(Flavour::Analyzer, old, Some(sarif));
        check(Flavour::Analyzer, new, None);
        check(Flavour::Clang, old, Some("debian-12 has no package `clang`"));
        check(Flavour::Clang, new, None);
        check(Flavour::Asan, old, None);
    }
}
