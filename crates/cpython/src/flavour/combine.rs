//! Which flavours go together, and with which versions.

use super::{Flavour, Flavours};
use crate::minor::Minor;
use crate::version::Version;

/// The first minor version that can be built free-threaded.
const FIRST_FREE_THREADED: (u16, u16) = (3, 13);

/// What configure must know for a build that watches its threads.
pub(super) const TSAN: &str = "--with-thread-sanitizer";

/// Pairs that cannot be in one build, and why.
const APART: [(Flavour, Flavour, &str); 5] = [
    (Flavour::Asan, Flavour::Tsan, "each wants the same part of the address space for itself"),
    (Flavour::Asan, Flavour::Analyzer, "one looks at the source, the other at the running program: build each alone"),
    (Flavour::Ubsan, Flavour::Analyzer, "one looks at the source, the other at the running program: build each alone"),
    (Flavour::Tsan, Flavour::Analyzer, "one looks at the source, the other at the running program: build each alone"),
    (Flavour::Analyzer, Flavour::Clang, "the analyzer is GCC's: -fanalyzer"),
];

/// Flavours that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlavourError {
    /// There is no such flavour.
    #[error("`{0}` is no flavour: want freethreaded, debug, asan, ubsan, tsan, analyzer or clang")]
    Unknown(String),
    /// Two that exclude each other.
    #[error("{one} and {other} cannot be in one build: {why}")]
    Apart {
        /// The first.
        one: Flavour,
        /// The second.
        other: Flavour,
        /// Why.
        why: &'static str,
    },
    /// The version's configure does not know it.
    #[error("`{version}` cannot be: {flavour} builds exist from 3.13")]
    TooOld {
        /// Which version.
        version: String,
        /// What it cannot.
        flavour: &'static str,
    },
    /// Training and link-time optimisation are for the usual build.
    #[error("no {0} build has the profile release: {why}", why = why_not_optimised(*.0))]
    NotOptimised(Flavour),
}

impl FlavourError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotOptimised(flavour) => Some(format!("`--flavour {flavour} --profile fast` compiles it once")),
            _ => None,
        }
    }
}

fn why_not_optimised(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Clang => "counts of training are read as GCC writes them",
        _ => "it is for finding mistakes, and optimising by measurement hides them",
    }
}

/// Refuses what cannot be.
pub(crate) fn check(version: &Version) -> Result<(), FlavourError> {
    let flavours = version.flavours();
    let apart = APART.into_iter().find(|&(one, other, _)| flavours.has(one) && flavours.has(other));
    if let Some((one, other, why)) = apart {
        return Err(FlavourError::Apart { one, other, why });
    }
    let too_old = |flavour| Err(FlavourError::TooOld { version: version.to_string(), flavour });
    if flavours.has(Flavour::FreeThreaded) && version.minor() < FIRST_FREE_THREADED {
        return too_old("free-threaded");
    }
    if flavours.has(Flavour::Tsan) && !Minor::of(version).knows(TSAN) {
        return too_old("tsan");
    }
    Ok(())
}

impl Version {
    /// This release with more flavours. One that it has already changes nothing: `3.14.10t` and `freethreaded` say the
    /// same.
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
    fn what_cannot_be_is_refused_with_the_reason() {
        check("3.12.6", &["freethreaded"], Err("`3.12.6t` cannot be: free-threaded builds exist from 3.13"));
        check("3.12.6", &["tsan"], Err("`3.12.6+tsan` cannot be: tsan builds exist from 3.13"));
        let why = "asan and tsan cannot be in one build: each wants the same part of the address space for itself";
        check("3.13.5", &["tsan", "asan"], Err(why));
        let why = "analyzer and clang cannot be in one build: the analyzer is GCC's: -fanalyzer";
        check("3.13.5+clang", &["analyzer"], Err(why));
        assert!("bsan".parse::<Flavour>().unwrap_err().to_string().starts_with("`bsan` is no flavour: want free"));
    }

    #[test]
    fn only_what_is_to_be_used_is_optimised() {
        for flavour in Flavour::ALL {
            let flavours = Flavours::NONE.and(flavour);
            let usual = flavours.usual_profile();
            assert_eq!(flavours.check_profile(usual), Ok(()));
            assert_eq!(flavours.check_profile(Profile::Release).is_ok(), usual == Profile::Release);
        }
        let refused = Flavours::NONE.and(Flavour::Asan).check_profile(Profile::Release).unwrap_err();
        assert!(refused.to_string().starts_with("no asan build has the profile release: it is for finding mistakes"));
        assert_eq!(refused.hint().unwrap(), "`--flavour asan --profile fast` compiles it once");
    }
}
