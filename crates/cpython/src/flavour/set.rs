//! Several flavours at once.

use super::Flavour;

/// A set of flavours that go together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flavours(u8);

impl Flavours {
    /// None: the usual build.
    pub const NONE: Self = Self(0);

    /// Whether it has this one.
    pub fn has(self, flavour: Flavour) -> bool {
        self.0 & bit(flavour) != 0
    }

    /// With one more; whether they go together is not looked at.
    pub(crate) fn and(self, flavour: Flavour) -> Self {
        Self(self.0 | bit(flavour))
    }

    /// Those that are there, in the order of [`Flavour::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flavour> {
        Flavour::ALL.into_iter().filter(move |&flavour| self.has(flavour))
    }
}

fn bit(flavour: Flavour) -> u8 {
    1 << flavour as u8
}
