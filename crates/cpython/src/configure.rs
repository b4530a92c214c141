//! The arguments of CPython's `configure`, by version and profile.
//!
//! Options come and go between versions, and configure only warns about one that it does not know: a build then looks
//! right and lacks what was asked for. So `provision/cpython/minors.toml` says which exist where, and
//! `--enable-option-checking=fatal` makes a mistake in that table stop the build.

use crate::flavour;
use crate::layout;
use crate::minor::Minor;
use crate::profile::Profile;
use crate::version::Version;

/// A flag, and what it is for.
struct Flag {
    text: &'static str,
    when: When,
    profiles: &'static [Profile],
}

/// Which versions get a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// Those whose configure knows it.
    Known,
    /// Free-threaded ones.
    FreeThreaded,
}

const ALWAYS: &[Profile] = &Profile::ALL;
const RELEASE: &[Profile] = &[Profile::Release];

const OPTIONS: [Flag; 13] = [
    Flag { text: "--enable-option-checking=fatal", when: When::Always, profiles: ALWAYS },
    Flag { text: "--enable-shared", when: When::Always, profiles: ALWAYS },
    Flag { text: "--enable-loadable-sqlite-extensions", when: When::Always, profiles: ALWAYS },
    Flag { text: "--disable-gil", when: When::FreeThreaded, profiles: ALWAYS },
    // Removed in 3.12 and without effect on Linux before. What it asks for is checked on the result.
    Flag { text: "--with-system-ffi", when: When::Known, profiles: ALWAYS },
    // 3.15 takes the system's or none, and few systems have one: CPython's own is still in its sources.
    Flag { text: "--with-system-libmpdec=no", when: When::Known, profiles: ALWAYS },
    // pip is installed by a step of ours, from the same wheels: see `vmbuild.mk`.
    Flag { text: "--with-ensurepip=no", when: When::Always, profiles: ALWAYS },
    Flag { text: "--enable-optimizations", when: When::Always, profiles: RELEASE },
    Flag { text: "--with-lto", when: When::Always, profiles: RELEASE },
    // With LTO, libpython.a is 130 MB that only the very same compiler can use: more than all the rest. Those who embed
    // CPython link the shared library.
    Flag { text: "--without-static-libpython", when: When::Always, profiles: RELEASE },
    Flag { text: "OPT=-O0 -DNDEBUG -fwrapv", when: When::Always, profiles: &[Profile::Smoke] },
    Flag { text: "OPT=-O2 -DNDEBUG -fwrapv -Wall", when: When::Always, profiles: &[Profile::Fast] },
    Flag { text: LDFLAGS, when: When::Always, profiles: ALWAYS },
];

// Hardening as distributions do it, and debug info. All in variables that end in NODIST: what users compile with the
// result has flags of its own. The stages of `vmbuild.mk` set CFLAGS_NODIST and LDFLAGS_NODIST themselves, and keep what
// came through here. What differs from file to file is there too: PIE and rpath.
//
// -g1 is what backtraces need: functions and lines. It wins over the -g that CPython's OPT has where we set none. Debian
// and Ubuntu fortify at level 2 or 3; 3 makes glibc compute sizes at run time, and GCC 11 does not know it. -U comes first
// because Ubuntu's compiler defines it by itself.
const HARDENED: &str = "-fstack-protector-strong";
/// Fortifying needs an optimising compiler.
const FORTIFIED: &str = "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2";
/// The build id is how debuggers find the debug info, which is packed apart.
const LDFLAGS: &str = "LDFLAGS_NODIST=-Wl,-z,relro,-z,now,-z,noexecstack,--build-id=sha1";

/// What a configure line has in it if the C library's checking functions were asked for.
pub const FORTIFIES: &str = "-D_FORTIFY_SOURCE=";

/// What CPython's own files are compiled with beyond `OPT`. `watched`: a flavour has its own `OPT`, whose traces need all
/// debug info, and hardly optimises.
fn cflags(profile: Profile, watched: bool) -> String {
    let debug = if watched { "-g" } else { "-g1" };
    let fortified = (!watched && profile != Profile::Smoke).then_some(FORTIFIED);
    let words: Vec<&str> = [debug, HARDENED].into_iter().chain(fortified).collect();
    format!("CFLAGS_NODIST={}", words.join(" "))
}

/// The arguments, in a fixed order.
pub fn flags(version: &Version, profile: Profile) -> Vec<String> {
    let minor = Minor::of(version);
    let wanted = |option: &Flag| match option.when {
        When::Always => true,
        When::Known => minor.knows(option.text),
        When::FreeThreaded => version.is_free_threaded(),
    };
    let flavours = version.flavours();
    let opt = flavour::opt(flavours, profile);
    let fits = |option: &&Flag| wanted(option) && option.profiles.contains(&profile);
    let replaced = |option: &&Flag| opt.is_some() && option.text.starts_with("OPT=");
    let mut flags = vec![format!("--prefix={}", layout::prefix(version))];
    flags.extend(OPTIONS.iter().filter(fits).filter(|option| !replaced(option)).map(|option| option.text.to_owned()));
    flags.extend(flavour::flags(flavours));
    flags.push(cflags(profile, opt.is_some()));
    flags.extend(opt);
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIMISED: &str = "CFLAGS_NODIST=-g1 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2";

    fn check(version: &str, profile: Profile, expect: &[&str]) {
        let flags = flags(&version.parse().unwrap(), profile);
        let common = [
            &format!("--prefix=/opt/python-{version}"),
            "--enable-option-checking=fatal",
            "--enable-shared",
            "--enable-loadable-sqlite-extensions",
            "--with-ensurepip=no",
            LDFLAGS,
        ];
        assert!(common.iter().all(|flag| flags.iter().any(|found| found == flag)), "{flags:?}");
        let rest: Vec<&String> = flags.iter().filter(|flag| !common.contains(&flag.as_str())).collect();
        assert_eq!(rest, expect);
    }

    #[test]
    fn options_follow_the_version() {
        check("3.11.2", Profile::Fast, &["--with-system-ffi", "OPT=-O2 -DNDEBUG -fwrapv -Wall", OPTIMISED]);
        check("3.12.0", Profile::Fast, &["OPT=-O2 -DNDEBUG -fwrapv -Wall", OPTIMISED]);
        check("3.14.10t", Profile::Fast, &["--disable-gil", "OPT=-O2 -DNDEBUG -fwrapv -Wall", OPTIMISED]);
        let watched = "CFLAGS_NODIST=-g -fstack-protector-strong";
        check("3.15.0rc1", Profile::Fast, &["--with-system-libmpdec=no", "OPT=-O2 -DNDEBUG -fwrapv -Wall", OPTIMISED]);
        let debug = ["--disable-gil", "--with-pydebug", watched, "OPT=-O0 -g -fwrapv -Wall"];
        check("3.14.10t+debug", Profile::Smoke, &debug);
        let sanitized = ["--with-undefined-behavior-sanitizer", "LDFLAGS=-static-libubsan", watched];
        check("3.13.5+ubsan", Profile::Fast, &[&sanitized[..], &["OPT=-O1 -g -DNDEBUG -fwrapv -Wall"]].concat());
        check("3.13.5+analyzer", Profile::Fast, &["OPT=-O2 -DNDEBUG -fwrapv -Wall", OPTIMISED]);
    }

    #[test]
    fn options_follow_the_profile() {
        let optimised = ["--enable-optimizations", "--with-lto", "--without-static-libpython", OPTIMISED];
        check("3.13.5", Profile::Release, &optimised);
        check("3.13.5", Profile::Smoke, &["OPT=-O0 -DNDEBUG -fwrapv", "CFLAGS_NODIST=-g1 -fstack-protector-strong"]);
    }

    #[test]
    fn what_users_compile_inherits_nothing() {
        for flag in Profile::ALL.iter().flat_map(|profile| flags(&"3.13.5".parse().unwrap(), *profile)) {
            let hardens = ["-fstack", "FORTIFY", "-Wl,", "-g1"].iter().any(|word| flag.contains(word));
            assert!(!hardens || flag.split('=').next().unwrap().ends_with("_NODIST"), "{flag}");
        }
        assert!(FORTIFIED.contains(FORTIFIES));
    }
}
