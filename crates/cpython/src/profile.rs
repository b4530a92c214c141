//! How much work goes into one build.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a build is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// To be published: profile-guided and link-time optimised, which takes two compilations and a training run.
    #[default]
    Release,
    /// To be used here: one compilation, ordinary optimisation.
    Fast,
    /// To see that everything works: one compilation without optimisation, nothing byte-compiled. Made for emulated
    /// machines.
    Smoke,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Release, Self::Fast, Self::Smoke];

    /// Its name, as on a command line.
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

/// A text is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no profile: want release, fast or smoke")]
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
    fn names_are_read_and_written_alike() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
            assert_eq!(serde_json::to_value(profile).unwrap(), profile.name());
        }
        assert_eq!("Release".parse::<Profile>(), Err(ProfileError("Release".to_owned())));
    }
}
