//! The arguments of CPython's `configure`, by version and profile.
//!
//! Options come and go between versions, and configure only warns about an unknown one: the build then looks
//! right but lacks the requested feature. So `provision/cpython/minors.toml` lists which version has which option, and
//! `--enable-option-checking=fatal` makes a mistake in that table stop the build.

use crate::flavour;
use crate::layout;
use crate::minor::MinorFacts;
use crate::profile::Profile;
use crate::version::Version;

/// A flag, and the builds that get it.
struct ConfigureFlag {
    text: &'static str,
    condition: FlagCondition,
    profiles: &'static [Profile],
}

/// The versions that get a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FlagCondition {
    Always,
    /// Versions whose configure has this option.
    Known,
    /// Free-threaded builds.
    FreeThreaded,
}

const ALWAYS: &[Profile] = &Profile::ALL;
const RELEASE: &[Profile] = &[Profile::Release];

const OPTIONS: [ConfigureFlag; 13] = [
    ConfigureFlag { text: "--enable-option-checking=fatal", condition: FlagCondition::Always, profiles: ALWAYS },
    ConfigureFlag { text: "--enable-shared", condition: FlagCondition::Always, profiles: ALWAYS },
    ConfigureFlag { text: "--enable-loadable-sqlite-extensions", condition: FlagCondition::Always, profiles: ALWAYS },
    ConfigureFlag { text: "--disable-gil", condition: FlagCondition::FreeThreaded, profiles: ALWAYS },
    // Removed in 3.12, and a no-op on Linux before. Whether the system's libffi is used is verified on the result.
    ConfigureFlag { text: "--with-system-ffi", condition: FlagCondition::Known, profiles: ALWAYS },
    // By default, 3.15 requires the system's libmpdec, which few systems have. CPython still bundles its own copy.
    ConfigureFlag { text: "--with-system-libmpdec=no", condition: FlagCondition::Known, profiles: ALWAYS },
    // pip is installed by a separate step from the same wheels: see `vmbuild.mk`.
    ConfigureFlag { text: "--with-ensurepip=no", condition: FlagCondition::Always, profiles: ALWAYS },
    ConfigureFlag { text: "--enable-optimizations", condition: FlagCondition::Always, profiles: RELEASE },
    ConfigureFlag { text: "--with-lto", condition: FlagCondition::Always, profiles: RELEASE },
    // With LTO, libpython.a takes 130 MB, more than everything else, and only the very same compiler can use it. Programs
    // that embed CPython link the shared library.
    ConfigureFlag { text: "--without-static-libpython", condition: FlagCondition::Always, profiles: RELEASE },
    ConfigureFlag { text: "OPT=-O0 -DNDEBUG -fwrapv", condition: FlagCondition::Always, profiles: &[Profile::Smoke] },
    ConfigureFlag {
        text: "OPT=-O2 -DNDEBUG -fwrapv -Wall",
        condition: FlagCondition::Always,
        profiles: &[Profile::Fast],
    },
    ConfigureFlag { text: LDFLAGS, condition: FlagCondition::Always, profiles: ALWAYS },
];

// Hardening like in distributions, and debug info. All of it is in variables that end in NODIST: extensions that users
// compile must not inherit it. The stages of `vmbuild.mk` set CFLAGS_NODIST and LDFLAGS_NODIST themselves and keep the
// values from here. Flags that differ from file to file (PIE and rpath) are in `vmbuild.mk` too.
//
// Backtraces need -g1: functions and lines. It overrides the -g in CPython's default OPT. Debian
// and Ubuntu fortify at level 2 or 3; level 3 computes sizes at run time, and GCC 11 does not support it. -U comes first
// because Ubuntu's compiler predefines the macro.
const HARDENED: &str = "-fstack-protector-strong";
/// Fortification requires optimization.
const FORTIFIED: &str = "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2";
/// Debuggers find the debug info, which is packed separately, by build id.
const LDFLAGS: &str = "LDFLAGS_NODIST=-Wl,-z,relro,-z,now,-z,noexecstack,--build-id=sha1";

/// Part of a configure line that requests the C library's checking functions.
pub const FORTIFIES: &str = "-D_FORTIFY_SOURCE=";

/// Compiler flags for CPython's own files in addition to `OPT`. `instrumented` is for flavours with an `OPT` of their own:
/// their traces need full debug info, and they hardly optimize.
fn cflags(profile: Profile, instrumented: bool) -> String {
    let debug = if instrumented { "-g" } else { "-g1" };
    let fortified = (!instrumented && profile != Profile::Smoke).then_some(FORTIFIED);
    let parts: Vec<&str> = [debug, HARDENED].into_iter().chain(fortified).collect();
    format!("CFLAGS_NODIST={}", parts.join(" "))
}

/// Returns configure's arguments for a build, in a fixed order.
pub fn flags(version: &Version, profile: Profile) -> Vec<String> {
    let minor = MinorFacts::of(version);
    let applies = |option: &ConfigureFlag| match option.condition {
        FlagCondition::Always => true,
        FlagCondition::Known => minor.has_option(option.text),
        FlagCondition::FreeThreaded => version.is_free_threaded(),
    };
    let flavours = version.flavours();
    let opt = flavour::opt(flavours, profile);
    let fits = |option: &&ConfigureFlag| applies(option) && option.profiles.contains(&profile);
    let replaced = |option: &&ConfigureFlag| opt.is_some() && option.text.starts_with("OPT=");
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
        let instrumented = "CFLAGS_NODIST=-g -fstack-protector-strong";
        check("3.15.0rc1", Profile::Fast, &["--with-system-libmpdec=no", "OPT=-O2 -DNDEBUG -fwrapv -Wall", OPTIMISED]);
        let debug = ["--disable-gil", "--with-pydebug", instrumented, "OPT=-O0 -g -fwrapv -Wall"];
        check("3.14.10t+debug", Profile::Smoke, &debug);
        let sanitized = ["--with-undefined-behavior-sanitizer", "LDFLAGS=-static-libubsan", instrumented];
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
    fn users_extensions_do_not_inherit_the_flags() {
        for flag in Profile::ALL.iter().flat_map(|profile| flags(&"3.13.5".parse().unwrap(), *profile)) {
            let hardens = ["-fstack", "FORTIFY", "-Wl,", "-g1"].iter().any(|word| flag.contains(word));
            assert!(!hardens || flag.split('=').next().unwrap().ends_with("_NODIST"), "{flag}");
        }
        assert!(FORTIFIED.contains(FORTIFIES));
    }
}
