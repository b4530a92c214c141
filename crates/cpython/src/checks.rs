//! The eleven checks on an artifact: what each is called and what passes it. The agent runs them, the host reports
//! them, and both take the words from here.

/// One check. Its number is its place in [`CHECKS`], from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    /// The artifact is there.
    Exists,
    /// Its checksum file is there.
    ChecksumFile,
    /// The two agree.
    Sha256,
    /// It is neither too small nor too large.
    Size,
    /// Everything in it lies where it should.
    Structure,
    /// It has its programs.
    Binaries,
    /// Its interpreter is of the version that its name says.
    Version,
    /// The modules that need libraries import.
    NativeModules,
    /// pip runs.
    Pip,
    /// It says how it was built.
    BuildInfo,
    /// It has its licence.
    Licence,
}

/// All checks in order.
pub const CHECKS: [CheckKind; 11] = [
    CheckKind::Exists,
    CheckKind::ChecksumFile,
    CheckKind::Sha256,
    CheckKind::Size,
    CheckKind::Structure,
    CheckKind::Binaries,
    CheckKind::Version,
    CheckKind::NativeModules,
    CheckKind::Pip,
    CheckKind::BuildInfo,
    CheckKind::Licence,
];

/// What it means when a check is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The artifact fails.
    Fails,
    /// The artifact fails in a strict validation; otherwise it is a warning.
    FailsIfStrict,
}

impl CheckKind {
    /// Its number: 1 to 11.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Its short name.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// What passes: a fragment for people.
    pub fn passes(self) -> &'static str {
        self.facts().1
    }

    /// What it means when it is not met.
    pub fn severity(self) -> Severity {
        match self {
            Self::Size | Self::BuildInfo | Self::Licence => Severity::FailsIfStrict,
            _ => Severity::Fails,
        }
    }

    fn facts(self) -> (&'static str, &'static str) {
        match self {
            Self::Exists => ("artifact exists", "a regular file of that name"),
            Self::ChecksumFile => ("checksum file", "one line in the form of sha256sum, naming the artifact"),
            Self::Sha256 => ("sha256", "the artifact's digest is the one in the checksum file"),
            Self::Size => ("size", "30 to 150 MiB; what is slim or not byte-compiled has bounds of its own"),
            Self::Structure => ("structure", "every entry lies below the one folder that the name promises"),
            Self::Binaries => (
                "binaries",
                "the interpreter and every compiled module are there: ELF for this machine, whole, hardened",
            ),
            Self::Version => ("version", "the interpreter says the version in the artifact's name"),
            Self::NativeModules => {
                ("native modules", "every module that needs a library imports, from the artifact alone")
            }
            Self::Pip => ("pip", "pip is an executable file and says its version"),
            Self::BuildInfo => ("build info", "there, readable, and about the same version"),
            Self::Licence => ("licence", "CPython's licence is there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Bounds, Extent};
    use crate::profile::Profile;

    #[test]
    fn numbers_follow_the_order() {
        let numbers: Vec<u8> = CHECKS.iter().map(|check| check.number()).collect();
        assert_eq!(numbers, (1..=11).collect::<Vec<u8>>());
    }

    #[test]
    fn the_size_check_says_the_real_bounds() {
        let bounds = Bounds::of(Extent::Full, Some(Profile::Release));
        let said = format!("{} to {} MiB; ", bounds.min >> 20, bounds.max >> 20);
        assert!(CheckKind::Size.passes().starts_with(&said));
    }

    #[test]
    fn three_checks_are_lenient() {
        let lenient = CHECKS.into_iter().filter(|check| check.severity() == Severity::FailsIfStrict);
        assert_eq!(lenient.map(CheckKind::number).collect::<Vec<u8>>(), [4, 10, 11]);
    }
}
