//! The checks on an artifact: the name of each, the condition it demands and how grave a failure is. The agent runs
//! them and the host reports them; both iterate [`CHECKS`].
//!
//! To add a check: one row here, one file and one dispatch arm in the agent (`agent/src/handlers/validate`).

/// How grave it is that an artifact does not pass a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckSeverity {
    /// The artifact fails.
    Fails,
    /// The artifact fails in a strict validation; otherwise it is a warning.
    FailsIfStrict,
}

/// Defines [`CheckKind`] and [`CHECKS`], one row for each check, in order.
macro_rules! checks {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, $passes:literal, $severity:ident;)*) => {
        /// One check. Its number is its place in [`CHECKS`], from 1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CheckKind {
            $($(#[$doc])* $kind,)*
        }

        /// All checks in order.
        pub const CHECKS: [CheckKind; [$(CheckKind::$kind),*].len()] = [$(CheckKind::$kind),*];

        impl CheckKind {
            /// Its short name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The condition it demands: a fragment for people.
            pub fn passes(self) -> &'static str {
                match self {
                    $(Self::$kind => $passes,)*
                }
            }

            /// How grave it is when the condition is not met.
            pub fn severity(self) -> CheckSeverity {
                match self {
                    $(Self::$kind => CheckSeverity::$severity,)*
                }
            }
        }
    };
}

checks! {
    /// The artifact exists.
    Exists: "artifact exists", "a regular file of that name", Fails;
    /// Its checksum file exists.
    ChecksumFile: "checksum file", "one line in the format of sha256sum, naming the artifact", Fails;
    /// The two agree.
    Sha256: "sha256", "the artifact's digest is the one in the checksum file", Fails;
    /// It is neither too small nor too large.
    Size: "size", "30 to 150 MiB; slim artifacts and those without byte code have bounds of their own", FailsIfStrict;
    /// Every entry lies where it should.
    Structure: "structure", "every entry lies below the one folder that the name promises", Fails;
    /// Its programs and compiled modules are there.
    Binaries: "binaries",
        "the interpreter and every compiled module are there: ELF for this machine, whole, hardened", Fails;
    /// Its interpreter has the version in its name.
    Version: "version", "the interpreter reports the version in the artifact's name", Fails;
    /// The modules that need libraries import.
    NativeModules: "native modules",
        "every module that needs a library imports, from the artifact alone", Fails;
    /// pip runs.
    Pip: "pip", "pip is an executable file and reports its version", Fails;
    /// It describes how it was built.
    BuildInfo: "build info", "present, readable, and of the same version", FailsIfStrict;
    /// It carries its license.
    License: "license", "CPython's license is included", FailsIfStrict;
}

impl CheckKind {
    /// Its number, from 1.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Extent, SizeBounds};
    use crate::profile::Profile;

    #[test]
    fn numbers_follow_the_order() {
        let numbers: Vec<usize> = CHECKS.iter().map(|check| check.number().into()).collect();
        assert_eq!(numbers, (1..=CHECKS.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_size_check_names_the_real_bounds() {
        let bounds = SizeBounds::of(Extent::Full, Some(Profile::Release));
        let named = format!("{} to {} MiB; ", bounds.min >> 20, bounds.max >> 20);
        assert!(CheckKind::Size.passes().starts_with(&named));
    }

    #[test]
    fn three_checks_are_lenient() {
        let lenient = CHECKS.into_iter().filter(|check| check.severity() == CheckSeverity::FailsIfStrict);
        assert_eq!(lenient.collect::<Vec<_>>(), [CheckKind::Size, CheckKind::BuildInfo, CheckKind::License]);
    }
}
