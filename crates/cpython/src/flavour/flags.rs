//! What flavours change in configure's arguments and in what the build's programs see.

use super::combine::TSAN;
use super::{Flavour, Flavours};
use crate::profile::Profile;

/// Where an analyzer build has its findings: below the prefix.
pub const FINDINGS: &str = "share/analyzer";

/// Memory that the analyzer may take for one file, in GB. One that wants more is compiled without it.
pub const ANALYZER_GB: u64 = 8;

/// Arguments that a flavour alone brings.
const OWN: [(Flavour, &[&str]); 5] = [
    (Flavour::Debug, &["--with-pydebug"]),
    (Flavour::Asan, &["--with-address-sanitizer"]),
    (Flavour::Ubsan, &["--with-undefined-behavior-sanitizer"]),
    (Flavour::Tsan, &[TSAN]),
    (Flavour::Clang, &["CC=clang", "CXX=clang++"]),
];

/// GCC puts a sanitizer's runtime into the program instead of naming a library that a clean machine lacks; clang does
/// so by itself. Shared libraries then find it in the program, and so must users' extensions: this is in what they
/// are linked with.
const STATIC: [(Flavour, &str); 3] =
    [(Flavour::Asan, "-static-libasan"), (Flavour::Ubsan, "-static-libubsan"), (Flavour::Tsan, "-static-libtsan")];

/// Configure's arguments of these flavours, in a fixed order. `--disable-gil` is not among them: it comes with the
/// version's own facts.
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

/// The `OPT` of these flavours, where it is another than the profile's: traces need names and lines, and assertions
/// must not be compiled away.
pub(crate) fn opt(flavours: Flavours, profile: Profile) -> Option<String> {
    let (debug, watched) = (flavours.has(Flavour::Debug), flavours.iter().any(Flavour::is_sanitizer));
    let level = match profile {
        Profile::Smoke => "-O0",
        _ if watched => "-O1",
        _ => "-Og",
    };
    let assertions = if debug { "" } else { " -DNDEBUG" };
    (debug || watched).then(|| format!("OPT={level} -g{assertions} -fwrapv -Wall"))
}

/// What the programs of a build see, beside what all of them do: CPython frees little at its end, and a program that is
/// ended for that fails the build.
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
