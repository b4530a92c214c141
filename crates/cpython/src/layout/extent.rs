//! How much of CPython goes into an artifact, and how large that makes it.

use crate::profile::Profile;
use serde::{Deserialize, Serialize};

/// How much of CPython goes into an artifact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// The whole standard library, with tests and what is needed to link statically.
    #[default]
    Full,
    /// Without CPython's own tests, IDLE, turtle's demonstrations and static libraries.
    Slim,
}

impl Extent {
    /// Whether it is [`Extent::Full`], which nobody needs to say.
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// The sizes in bytes that an artifact of a kind can have. Outside of them, something is missing or does not belong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

impl Bounds {
    const fn mib(min: u64, max: u64) -> Self {
        Self { min: min << 20, max: max << 20 }
    }

    /// For an artifact as its name and, where it is known, its profile say. Without byte code, as smoke builds are, an
    /// artifact is smaller.
    pub fn of(extent: Extent, profile: Option<Profile>) -> Self {
        match (extent, profile) {
            (Extent::Full, Some(Profile::Smoke)) => Self::mib(12, 60),
            (Extent::Full, _) => Self::mib(30, 150),
            (Extent::Slim, Some(Profile::Smoke)) => Self::mib(5, 30),
            (Extent::Slim, _) => Self::mib(10, 50),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_goes_in_less_comes_out() {
        let mut profiles = vec![None];
        profiles.extend(Profile::ALL.map(Some));
        for profile in profiles {
            let (full, slim) = (Bounds::of(Extent::Full, profile), Bounds::of(Extent::Slim, profile));
            assert!(slim.min < slim.max && full.min < full.max);
            assert!(slim.min < full.min && slim.max < full.max, "{profile:?}");
        }
    }
}
