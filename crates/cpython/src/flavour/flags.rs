//! Configure arguments and environment variables that flavours add to a build.

use super::combine::TSAN;
use super::{Flavour, Flavours};
use crate::profile::Profile;

/// Folder of an analyzer build's findings, relative to the prefix.
pub(crate) const FINDINGS: &str = "share/analyzer";

/// Memory that the analyzer may use for one file, in GB. A file that needs more is compiled without it.
pub const ANALYZER_GB: u64 = 8;

/// Configure arguments of each flavour.
const OWN: [(Flavour, &[&str]); 5] = [
    (Flavour::Debug, &["--with-pydebug"]),
    (Flavour::Asan, &["--with-address-sanitizer"]),
    (Flavour::Ubsan, &["--with-undefined-behavior-sanitizer"]),
    (Flavour::Tsan, &[TSAN]),
    (Flavour::Clang, &["CC=clang", "CXX=clang++"]),
];

/// Linker flags that make GCC link a sanitizer's runtime statically: a clean machine lacks the shared library. clang does
/// so by default. Shared libraries then find the runtime in the program, and so must users' extensions: the flags are
/// part of what extensions are linked with.
const STATIC: [(Flavour, &str); 3] =
    [(Flavour::Asan, "-static-libasan"), (Flavour::Ubsan, "-static-libubsan"), (Flavour::Tsan, "-static-libtsan")];

/// Returns the configure arguments of these flavours, in a fixed order. `--disable-gil` is not among them: it depends on
/// the version.
pub(crate) fn flags(flavours: Flavours) -> Vec<String> {
    let own = OWN.into_iter().filter(|&(flavour, _)| flavours.has(flavour));
    let mut flags: Vec<String> = own.flat_map(|(_, flags)| flags).map(|&flag| flag.to_owned()).collect();
    let linked: Vec<&str> =
        STATIC.into_iter().filter(|&(flavour, _)| flavours.has(flavour)).map(|(_, flag)| flag).collect();
    if !linked.is_empty() && !flavours.has(Flavour::Clang) {
        flags.push(format!("LDFLAGS={}", linked.join(" ")));
    }
    flags
}

/// Returns the `OPT` of these flavours if it differs from the profile's: traces need names and lines, and assertions
/// must not be compiled away.
pub(crate) fn opt(flavours: Flavours, profile: Profile) -> Option<String> {
    let (debug, sanitized) = (flavours.has(Flavour::Debug), flavours.iter().any(Flavour::is_sanitizer));
    let level = match profile {
        Profile::Smoke => "-O0",
        _ if sanitized => "-O1",
        _ => "-Og",
    };
    let assertions = if debug { "" } else { " -DNDEBUG" };
    (debug || sanitized).then(|| format!("OPT={level} -g{assertions} -fwrapv -Wall"))
}

/// Returns an additional environment variable for the build's programs. CPython frees little memory on exit, and leak
/// reports would fail the build.
pub(crate) fn environment(flavours: Flavours) -> Option<(&'static str, &'static str)> {
    flavours.has(Flavour::Asan).then_some(("ASAN_OPTIONS", "detect_leaks=0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flavours: &[Flavour], expect: &[&str]) {
        let flavours = flavours.iter().fold(Flavours::NONE, |all, &flavour| all.and(flavour));
        let found: Vec<String> = opt(flavours, Profile::Fast).into_iter().chain(flags(flavours)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn flavours_become_flags() {
        check(&[], &[]);
        check(&[Flavour::FreeThreaded], &[]);
        check(&[Flavour::Debug], &["OPT=-Og -g -fwrapv -Wall", "--with-pydebug"]);
        let opt = "OPT=-O1 -g -DNDEBUG -fwrapv -Wall";
        check(&[Flavour::Asan], &[opt, "--with-address-sanitizer", "LDFLAGS=-static-libasan"]);
        let both = ["--with-address-sanitizer", "--with-undefined-behavior-sanitizer"];
        check(&[Flavour::Asan, Flavour::Ubsan], &[opt, both[0], both[1], "LDFLAGS=-static-libasan -static-libubsan"]);
        check(&[Flavour::Tsan, Flavour::Clang], &[opt, "--with-thread-sanitizer", "CC=clang", "CXX=clang++"]);
        check(&[Flavour::Analyzer], &[]);
    }
}
