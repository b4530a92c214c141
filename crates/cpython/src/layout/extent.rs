//! Contents of an artifact, full or slim, and its expected size.

use crate::profile::Profile;
use serde::{Deserialize, Serialize};

/// Amount of CPython that goes into an artifact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// The whole standard library, with tests and static libraries.
    #[default]
    Full,
    /// Without CPython's own tests, IDLE, turtle's demos and static libraries.
    Slim,
}

impl Extent {
    /// Returns whether this is [`Extent::Full`], the default, which plans omit.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// Plausible size of an artifact in bytes. Outside of it, something is missing or does not belong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeBounds {
    /// Minimum size.
    pub min: u64,
    /// Maximum size.
    pub max: u64,
}

impl SizeBounds {
    const fn mib(min: u64, max: u64) -> Self {
        Self { min: min << 20, max: max << 20 }
    }

    /// Returns the bounds for an extent and, if known, a profile. Smoke builds have no byte code, so their artifacts are
    /// smaller.
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
    fn slim_artifacts_are_smaller() {
        let mut profiles = vec![None];
        profiles.extend(Profile::ALL.map(Some));
        for profile in profiles {
            let (full, slim) = (SizeBounds::of(Extent::Full, profile), SizeBounds::of(Extent::Slim, profile));
            assert!(slim.min < slim.max && full.min < full.max);
            assert!(slim.min < full.min && slim.max < full.max, "{profile:?}");
        }
    }
}
