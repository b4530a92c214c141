//! Whether what was asked for took effect.
//!
//! The problem: configure and make go on without what they cannot do. A build with `--with-lto` whose linker cannot, or
//! one whose `_ctypes` uses another libffi than the system's, looks like any other. So each of these is read off the
//! finished files, and what was asked for and is not there ends the build.

use serde::{Deserialize, Serialize};
use vmbuild_protocol::Package;

/// What was seen in the finished files; the plan determines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TookEffect {
    /// Where the interpreter has its code from.
    pub libpython: Libpython,
    /// The library that `_ctypes` calls foreign functions by.
    pub libffi: LinkedLibrary,
    /// Link-time optimisation, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lto: Option<Lto>,
    /// What the training reached, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_coverage: Option<Coverage>,
}

/// Where an interpreter has its code from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libpython {
    /// It links the shared library, which is beside it.
    Shared,
    /// The code is in the interpreter; the shared library is there for others.
    InInterpreter,
    /// The code is in the interpreter, and there is no shared library.
    None,
}

/// A library of the system that something links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedLibrary {
    /// The name it is linked by, such as `libffi.so.8`.
    pub soname: String,
    /// The package of the build machine that has it.
    pub package: Package,
}

/// Traces of link-time optimisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lto {
    /// Object files that hold intermediate code for the linker: GCC's `.gnu.lto_` sections or LLVM's bitcode.
    pub objects: u64,
    /// Symbols that only a linker which optimised leaves: GCC's `.lto_priv`, LLVM's `.llvm.`.
    pub symbols: u64,
}

/// What a training reached, as its counts say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Functions that were counted.
    pub functions: u64,
    /// Those of them that ran at least once.
    pub executed: u64,
}

/// What was seen, before anybody judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observations {
    /// Whether the interpreter links the shared libpython.
    pub interpreter_links_libpython: bool,
    /// Whether a shared libpython is in the tree.
    pub has_shared_libpython: bool,
    /// The libffi that `_ctypes` links, and its package.
    pub libffi: Option<(String, Option<Package>)>,
    /// Traces of link-time optimisation.
    pub lto: Lto,
    /// What the counts say, if there are any.
    pub coverage: Option<Coverage>,
}

/// Something was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInEffect {
    /// `--enable-shared`.
    #[error("--enable-shared took no effect: {0}")]
    Shared(&'static str),
    /// The system's libffi.
    #[error("the system's libffi is not used: {0}")]
    Libffi(String),
    /// `--with-lto`.
    #[error(
        "--with-lto took no effect: {} object files hold code for the linker, {} symbols show that it optimised",
        .0.objects,
        .0.symbols
    )]
    Lto(Lto),
    /// `--enable-optimizations`.
    #[error("--enable-optimizations took no effect: {0}")]
    Training(&'static str),
}

/// What took effect, if all did that `configure_line` asks for.
pub fn judge(configure_line: &str, seen: &Observations) -> Result<TookEffect, NotInEffect> {
    let asked = |flag: &str| configure_line.split_ascii_whitespace().any(|word| word == flag);
    let shared = asked("--enable-shared");
    let apart = configure_line.contains("static-libpython-for-interpreter");
    let lto =
        configure_line.split_ascii_whitespace().any(|word| word == "--with-lto" || word.starts_with("--with-lto="));
    Ok(TookEffect {
        libpython: libpython(seen, shared, apart)?,
        libffi: libffi(seen)?,
        lto: lto.then(|| proof_of_lto(seen.lto)).transpose()?,
        profile_coverage: asked("--enable-optimizations").then(|| coverage(seen.coverage)).transpose()?,
    })
}

fn libpython(seen: &Observations, shared: bool, apart: bool) -> Result<Libpython, NotInEffect> {
    match (seen.interpreter_links_libpython, seen.has_shared_libpython) {
        (true, false) => Err(NotInEffect::Shared("the interpreter links a libpython that is not in the tree")),
        (false, true) if shared && !apart => Err(NotInEffect::Shared("the interpreter does not link libpython")),
        (false, false) if shared => Err(NotInEffect::Shared("there is no shared libpython in the tree")),
        (true, true) => Ok(Libpython::Shared),
        (false, true) => Ok(Libpython::InInterpreter),
        (false, false) => Ok(Libpython::None),
    }
}

fn libffi(seen: &Observations) -> Result<LinkedLibrary, NotInEffect> {
    let nothing = || NotInEffect::Libffi("_ctypes links none, or is not there".to_owned());
    let (soname, package) = seen.libffi.clone().ok_or_else(nothing)?;
    let package = package.ok_or_else(|| NotInEffect::Libffi(format!("no package has {soname}")))?;
    Ok(LinkedLibrary { soname, package })
}

fn proof_of_lto(seen: Lto) -> Result<Lto, NotInEffect> {
    if seen.objects > 0 && seen.symbols > 0 { Ok(seen) } else { Err(NotInEffect::Lto(seen)) }
}

fn coverage(seen: Option<Coverage>) -> Result<Coverage, NotInEffect> {
    let seen = seen.ok_or(NotInEffect::Training("there are no counts"))?;
    if seen.executed == 0 { Err(NotInEffect::Training("no function was counted as run")) } else { Ok(seen) }
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
            libffi: Some(("libffi.so.8".to_owned(), Some(Package { name, version, arch }))),
            lto: Lto { objects: 300, symbols: 900 },
            coverage: Some(Coverage { functions: 12_000, executed: 7_000 }),
        }
    }

    #[test]
    fn what_was_asked_for_and_is_there_is_said() {
        let all = judge(RELEASE, &seen()).unwrap();
        assert_eq!((all.lto, all.profile_coverage), (Some(seen().lto), seen().coverage));
        let some =
            judge(FAST, &Observations { lto: Lto { objects: 0, symbols: 0 }, coverage: None, ..seen() }).unwrap();
        assert_eq!((some.lto, some.profile_coverage, some.libpython), (None, None, Libpython::Shared));
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<TookEffect>(&text).unwrap(), some);
    }

    #[test]
    fn each_missing_effect_is_an_error_that_says_so() {
        type Case = (fn(&mut Observations), &'static str);
        let without = |change: fn(&mut Observations)| {
            let mut seen = seen();
            change(&mut seen);
            judge(RELEASE, &seen).unwrap_err().to_string()
        };
        let cases: [Case; 8] = [
            (|seen| seen.lto.objects = 0, "--with-lto took no effect: 0 object files hold code for the linker, 900"),
            (|seen| seen.lto.symbols = 0, "--with-lto took no effect: 300 object files hold code for the linker, 0"),
            (|seen| seen.coverage = None, "--enable-optimizations took no effect: there are no counts"),
            (
                |seen| seen.coverage = Some(Coverage { functions: 9, executed: 0 }),
                "--enable-optimizations took no effect: no f",
            ),
            (|seen| seen.libffi = None, "the system's libffi is not used: _ctypes links none"),
            (
                |seen| seen.libffi = Some(("libffi.so.8".to_owned(), None)),
                "the system's libffi is not used: no package",
            ),
            (
                |seen| seen.interpreter_links_libpython = false,
                "--enable-shared took no effect: the interpreter does not",
            ),
            (|seen| seen.has_shared_libpython = false, "--enable-shared took no effect: the interpreter links a"),
        ];
        for (change, expect) in cases {
            let said = without(change);
            assert!(said.starts_with(expect), "{said}");
        }
    }

    #[test]
    fn an_interpreter_may_have_its_code_in_itself_if_that_was_asked_for() {
        let alone = Observations { interpreter_links_libpython: false, ..seen() };
        let both = format!("{FAST} --enable-static-libpython-for-interpreter");
        assert_eq!(judge(&both, &alone).map(|took| took.libpython), Ok(Libpython::InInterpreter));
        let none = Observations { has_shared_libpython: false, ..alone };
        assert_eq!(judge("sh ./configure", &none).map(|took| took.libpython), Ok(Libpython::None));
    }
}
