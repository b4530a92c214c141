//! Compatibility of flavours with each other and with versions.

use super::{Flavour, Flavours};
use crate::minor::MinorFacts;
use crate::version::Version;

/// The first minor version that can be built free-threaded.
const FIRST_FREE_THREADED: (u16, u16) = (3, 13);

/// Configure option for `ThreadSanitizer`.
pub(super) const TSAN: &str = "--with-thread-sanitizer";

/// Two flavours that exclude each other.
struct FlavourConflict {
    one: Flavour,
    other: Flavour,
    why: &'static str,
}

impl FlavourConflict {
    const fn new(one: Flavour, other: Flavour, why: &'static str) -> Self {
        Self { one, other, why }
    }
}

const STATIC_AND_DYNAMIC: &str = "static analysis and sanitizers need separate builds";

const CONFLICTS: [FlavourConflict; 5] = [
    FlavourConflict::new(Flavour::Asan, Flavour::Tsan, "both need the same part of the address space"),
    FlavourConflict::new(Flavour::Asan, Flavour::Analyzer, STATIC_AND_DYNAMIC),
    FlavourConflict::new(Flavour::Ubsan, Flavour::Analyzer, STATIC_AND_DYNAMIC),
    FlavourConflict::new(Flavour::Tsan, Flavour::Analyzer, STATIC_AND_DYNAMIC),
    FlavourConflict::new(Flavour::Analyzer, Flavour::Clang, "the analyzer is part of GCC (-fanalyzer)"),
];

/// Invalid flavour or combination of flavours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlavourError {
    /// Unknown flavour.
    #[error("unknown flavour `{0}` (expected freethreaded, debug, asan, ubsan, tsan, analyzer or clang)")]
    Unknown(String),
    /// Two flavours that exclude each other.
    #[error("{one} and {other} cannot be combined: {why}")]
    Conflict {
        /// The first flavour.
        one: Flavour,
        /// The second flavour.
        other: Flavour,
        /// The reason.
        why: &'static str,
    },
    /// The version is too old for the flavour.
    #[error("unsupported version `{version}`: {flavour} builds require CPython 3.13 or later")]
    TooOld {
        /// The version.
        version: String,
        /// The unsupported flavour.
        flavour: &'static str,
    },
    /// The release profile (training and link-time optimization) is for standard builds only.
    #[error("{0} builds do not support the release profile: {why}", why = why_not_optimised(*.0))]
    NotOptimised(Flavour),
}

impl FlavourError {
    /// Suggested fix.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotOptimised(flavour) => Some(format!("use `--flavour {flavour} --profile fast`")),
            _ => None,
        }
    }
}

fn why_not_optimised(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Clang => "profile data is supported in GCC's format only",
        _ => "it is meant for finding bugs, and profile-guided optimization hides them",
    }
}

/// Rejects flavours that exclude each other or that the version does not support.
pub(crate) fn check(version: &Version) -> Result<(), FlavourError> {
    let flavours = version.flavours();
    let conflict = CONFLICTS.into_iter().find(|conflict| flavours.has(conflict.one) && flavours.has(conflict.other));
    if let Some(FlavourConflict { one, other, why }) = conflict {
        return Err(FlavourError::Conflict { one, other, why });
    }
    let too_old = |flavour| Err(FlavourError::TooOld { version: version.to_string(), flavour });
    if flavours.has(Flavour::FreeThreaded) && version.minor() < FIRST_FREE_THREADED {
        return too_old("free-threaded");
    }
    if flavours.has(Flavour::Tsan) && !MinorFacts::of(version).has_option(TSAN) {
        return too_old("tsan");
    }
    Ok(())
}

impl Version {
    /// Returns this release with more flavours. Adding a flavour twice has no effect: `3.14.10t` with `freethreaded` is
    /// still `3.14.10t`.
    pub fn with_flavours(&self, more: &[Flavour]) -> Result<Self, FlavourError> {
        let flavours = more.iter().fold(self.flavours(), |all: Flavours, &flavour| all.and(flavour));
        let version = self.flavoured(flavours);
        check(&version).map(|()| version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn check(version: &str, flavours: &[&str], expect: Result<&str, &str>) {
        let flavours: Vec<Flavour> = flavours.iter().map(|name| name.parse().unwrap()).collect();
        let made = version.parse::<Version>().unwrap().with_flavours(&flavours);
        let text = made.map(|version| version.to_string()).map_err(|error| error.to_string());
        assert_eq!(text.as_deref().map_err(String::as_str), expect);
    }

    #[test]
    fn flavours_become_part_of_the_version() {
        check("3.13.5", &[], Ok("3.13.5"));
        check("3.13.5", &["debug"], Ok("3.13.5+debug"));
        check("3.13.5", &["ubsan", "asan", "debug"], Ok("3.13.5+debug+asan+ubsan"));
        check("3.14.10", &["freethreaded", "tsan"], Ok("3.14.10t+tsan"));
        check("3.14.10t", &["freethreaded"], Ok("3.14.10t"));
        check("3.15.0rc1t+debug", &["clang"], Ok("3.15.0rc1t+debug+clang"));
        check("3.10.20", &["asan"], Ok("3.10.20+asan"));
    }

    #[test]
    fn impossible_combinations_are_refused_with_the_reason() {
        check(
            "3.12.6",
            &["freethreaded"],
            Err("unsupported version `3.12.6t`: free-threaded builds require CPython 3.13 or later"),
        );
        check("3.12.6", &["tsan"], Err("unsupported version `3.12.6+tsan`: tsan builds require CPython 3.13 or later"));
        let why = "asan and tsan cannot be combined: both need the same part of the address space";
        check("3.13.5", &["tsan", "asan"], Err(why));
        let why = "analyzer and clang cannot be combined: the analyzer is part of GCC (-fanalyzer)";
        check("3.13.5+clang", &["analyzer"], Err(why));
        assert!(
            "bsan".parse::<Flavour>().unwrap_err().to_string().starts_with("unknown flavour `bsan` (expected free")
        );
    }

    #[test]
    fn only_standard_builds_are_optimized() {
        for flavour in Flavour::ALL {
            let flavours = Flavours::NONE.and(flavour);
            let usual = flavours.default_profile();
            assert_eq!(flavours.check_profile(usual), Ok(()));
            assert_eq!(flavours.check_profile(Profile::Release).is_ok(), usual == Profile::Release);
        }
        let refused = Flavours::NONE.and(Flavour::Asan).check_profile(Profile::Release).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("asan builds do not support the release profile: it is meant for finding bugs")
        );
        assert_eq!(refused.hint().unwrap(), "use `--flavour asan --profile fast`");
    }
}
