//! Verification of build options on the finished files.
//!
//! The problem: configure and make continue when they cannot honor an option. A build with `--with-lto` whose linker does
//! not support it, or whose `_ctypes` uses another libffi than the system's, looks like any other. So each option is
//! verified on the finished files, and the build fails if one is not in effect.

use serde::{Deserialize, Serialize};
use vmbuild_protocol::Package;

/// Build options as verified on the finished files. The plan determines them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifiedOptions {
    /// Linkage of the interpreter's code.
    pub libpython: LibpythonLinkage,
    /// Library that `_ctypes` uses to call foreign functions.
    pub libffi: LinkedLibrary,
    /// Evidence of link-time optimization, if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lto: Option<LtoEvidence>,
    /// Coverage of the training, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_coverage: Option<ProfileCoverage>,
}

/// Linkage of an interpreter's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LibpythonLinkage {
    /// The interpreter links the shared library in the tree.
    Shared,
    /// The code is in the interpreter; the shared library is there for other programs.
    InInterpreter,
    /// The code is in the interpreter, and there is no shared library.
    None,
}

/// A system library that a file links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedLibrary {
    /// Soname, such as `libffi.so.8`.
    pub soname: String,
    /// Package of the build machine that provides it.
    pub package: Package,
}

/// Evidence of link-time optimization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LtoEvidence {
    /// Number of object files with intermediate code for the linker: GCC's `.gnu.lto_` sections or LLVM's bitcode.
    pub objects: u64,
    /// Number of symbols that only link-time optimization creates: GCC's `.lto_priv`, LLVM's `.llvm.`.
    pub symbols: u64,
}

/// Coverage of a training according to its profile data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileCoverage {
    /// Number of instrumented functions.
    pub functions: u64,
    /// Number of functions that ran at least once.
    pub executed: u64,
}

/// A library that a file links, before verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedLibrary {
    /// Soname, such as `libffi.so.8`.
    pub soname: String,
    /// Package that provides it, if any.
    pub package: Option<Package>,
}

/// Observations on the finished files, before verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observations {
    /// True if the interpreter links the shared libpython.
    pub interpreter_links_libpython: bool,
    /// True if a shared libpython is in the tree.
    pub has_shared_libpython: bool,
    /// The libffi that `_ctypes` links, if any.
    pub libffi: Option<ObservedLibrary>,
    /// Evidence of link-time optimization.
    pub lto: LtoEvidence,
    /// Coverage of the training, if there is profile data.
    pub coverage: Option<ProfileCoverage>,
}

/// A requested build option is not in effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionNotInEffect {
    /// `--enable-shared`.
    #[error("--enable-shared had no effect: {0}")]
    Shared(&'static str),
    /// The system's libffi.
    #[error("the system's libffi is not used: {0}")]
    Libffi(String),
    /// `--with-lto`.
    #[error(
        "--with-lto had no effect: {} object files contain LTO code, {} symbols come from LTO",
        .0.objects,
        .0.symbols
    )]
    Lto(LtoEvidence),
    /// `--enable-optimizations`.
    #[error("--enable-optimizations had no effect: {0}")]
    Training(&'static str),
}

/// Verifies that all options in `configure_line` are in effect.
pub fn verify_options(configure_line: &str, seen: &Observations) -> Result<VerifiedOptions, OptionNotInEffect> {
    let requested = |flag: &str| configure_line.split_ascii_whitespace().any(|option| option == flag);
    let shared = requested("--enable-shared");
    let apart = configure_line.contains("static-libpython-for-interpreter");
    let lto = configure_line
        .split_ascii_whitespace()
        .any(|option| option == "--with-lto" || option.starts_with("--with-lto="));
    Ok(VerifiedOptions {
        libpython: libpython(seen, shared, apart)?,
        libffi: libffi(seen)?,
        lto: lto.then(|| proof_of_lto(seen.lto)).transpose()?,
        profile_coverage: requested("--enable-optimizations").then(|| coverage(seen.coverage)).transpose()?,
    })
}

fn libpython(seen: &Observations, shared: bool, apart: bool) -> Result<LibpythonLinkage, OptionNotInEffect> {
    match (seen.interpreter_links_libpython, seen.has_shared_libpython) {
        (true, false) => Err(OptionNotInEffect::Shared("the interpreter links a libpython that is not in the tree")),
        (false, true) if shared && !apart => Err(OptionNotInEffect::Shared("the interpreter does not link libpython")),
        (false, false) if shared => Err(OptionNotInEffect::Shared("there is no shared libpython in the tree")),
        (true, true) => Ok(LibpythonLinkage::Shared),
        (false, true) => Ok(LibpythonLinkage::InInterpreter),
        (false, false) => Ok(LibpythonLinkage::None),
    }
}

fn libffi(seen: &Observations) -> Result<LinkedLibrary, OptionNotInEffect> {
    let missing = || OptionNotInEffect::Libffi("_ctypes does not link libffi, or was not built".to_owned());
    let ObservedLibrary { soname, package } = seen.libffi.clone().ok_or_else(missing)?;
    let package = package.ok_or_else(|| OptionNotInEffect::Libffi(format!("no package provides {soname}")))?;
    Ok(LinkedLibrary { soname, package })
}

fn proof_of_lto(seen: LtoEvidence) -> Result<LtoEvidence, OptionNotInEffect> {
    if seen.objects > 0 && seen.symbols > 0 { Ok(seen) } else { Err(OptionNotInEffect::Lto(seen)) }
}

fn coverage(seen: Option<ProfileCoverage>) -> Result<ProfileCoverage, OptionNotInEffect> {
    let seen = seen.ok_or(OptionNotInEffect::Training("there is no profile data"))?;
    if seen.executed == 0 { Err(OptionNotInEffect::Training("no function was executed")) } else { Ok(seen) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: &str = "sh ./configure --enable-shared --enable-optimizations --with-lto 'LDFLAGS=-Wl,-x'";
    const FAST: &str = "sh ./configure --enable-shared";

    fn seen() -> Observations {
        let [name, version, arch] = ["libffi8", "3.4.4-1", "amd64"].map(str::to_owned);
        Observations {
            interpreter_links_libpython: true,
            has_shared_libpython: true,
            libffi: Some(ObservedLibrary {
                soname: "libffi.so.8".to_owned(),
                package: Some(Package { name, version, arch }),
            }),
            lto: LtoEvidence { objects: 300, symbols: 900 },
            coverage: Some(ProfileCoverage { functions: 12_000, executed: 7_000 }),
        }
    }

    #[test]
    fn requested_options_in_effect_are_reported() {
        let all = verify_options(RELEASE, &seen()).unwrap();
        assert_eq!((all.lto, all.profile_coverage), (Some(seen().lto), seen().coverage));
        let some = verify_options(
            FAST,
            &Observations { lto: LtoEvidence { objects: 0, symbols: 0 }, coverage: None, ..seen() },
        )
        .unwrap();
        assert_eq!((some.lto, some.profile_coverage, some.libpython), (None, None, LibpythonLinkage::Shared));
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<VerifiedOptions>(&text).unwrap(), some);
    }

    #[test]
    fn each_option_without_effect_is_an_error() {
        type Case = (fn(&mut Observations), &'static str);
        let without = |change: fn(&mut Observations)| {
            let mut seen = seen();
            change(&mut seen);
            verify_options(RELEASE, &seen).unwrap_err().to_string()
        };
        let cases: [Case; 8] = [
            (|seen| seen.lto.objects = 0, "--with-lto had no effect: 0 object files contain LTO code, 900"),
            (|seen| seen.lto.symbols = 0, "--with-lto had no effect: 300 object files contain LTO code, 0"),
            (|seen| seen.coverage = None, "--enable-optimizations had no effect: there is no profile data"),
            (
                |seen| seen.coverage = Some(ProfileCoverage { functions: 9, executed: 0 }),
                "--enable-optimizations had no effect: no f",
            ),
            (|seen| seen.libffi = None, "the system's libffi is not used: _ctypes does not link"),
            (
                |seen| seen.libffi = Some(ObservedLibrary { soname: "libffi.so.8".to_owned(), package: None }),
                "the system's libffi is not used: no package",
            ),
            (
                |seen| seen.interpreter_links_libpython = false,
                "--enable-shared had no effect: the interpreter does not",
            ),
            (|seen| seen.has_shared_libpython = false, "--enable-shared had no effect: the interpreter links a"),
        ];
        for (change, expect) in cases {
            let said = without(change);
            assert!(said.starts_with(expect), "{said}");
        }
    }

    #[test]
    fn an_interpreter_may_contain_libpython_if_requested() {
        let alone = Observations { interpreter_links_libpython: false, ..seen() };
        let both = format!("{FAST} --enable-static-libpython-for-interpreter");
        assert_eq!(verify_options(&both, &alone).map(|took| took.libpython), Ok(LibpythonLinkage::InInterpreter));
        let none = Observations { has_shared_libpython: false, ..alone };
        assert_eq!(verify_options("sh ./configure", &none).map(|took| took.libpython), Ok(LibpythonLinkage::None));
    }
}
