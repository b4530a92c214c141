//! Build profiles: the amount of optimization.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Purpose of a build, which decides how much it is optimized.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// For publication: profile-guided and link-time optimization, which takes two compilations and a training run.
    #[default]
    Release,
    /// For local use: one compilation with ordinary optimization.
    Fast,
    /// For a quick test: one compilation without optimization, nothing byte-compiled. Meant for emulated
    /// machines.
    Smoke,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Release, Self::Fast, Self::Smoke];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Fast => "fast",
            Self::Smoke => "smoke",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

/// Unknown build profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile `{0}` (expected release, fast or smoke)")]
pub struct ProfileError(String);

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| ProfileError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
            assert_eq!(serde_json::to_value(profile).unwrap(), profile.name());
        }
        assert_eq!("Release".parse::<Profile>(), Err(ProfileError("Release".to_owned())));
    }
}
