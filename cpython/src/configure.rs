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

const OPTIONS: [Flag; 11] = [
    Flag { text: "--enable-option-checking=fatal", when: When::Always, profiles: ALWAYS },
    Flag { text: "--enable-shared", when: When::Always, profiles: ALWAYS },
    Flag { text: "--enable-loadable-sqlite-extensions", when: When::Always, profiles: ALWAYS },
    Flag { text: "--disable-gil", when: When::FreeThreaded, profiles: ALWAYS },
    // Removed in 3.12 and without effect on Linux before. What it asks for is checked on the result.
    Flag { text: "--with-system-ffi", when: When::Known, profiles: ALWAYS },
    // pip is installed by a step of ours, from the same wheels: see `vmbuild.mk`.
    Flag { text: "--with-ensurepip=no", when: When::Always, profiles: ALWAYS },
    Flag { text: "--enable-optimizations", when: When::Always, profiles: RELEASE },
    Flag { text: "--with-lto", when: When::Always, profiles: RELEASE },
    // With LTO, libpython.a is 130 MB that only the very same compiler can use: more than all the rest. Those who embed
    // CPython link the shared library.
    Flag { text: "--without-static-libpython", when: When::Always, profiles: RELEASE },
    // -g is what makes its size believable: a build without it and without byte code is under `layout::MIN_BYTES`.
    Flag { text: "OPT=-O0 -g -DNDEBUG -fwrapv", when: When::Always, profiles: &[Profile::Smoke] },
    Flag { text: "OPT=-O2 -DNDEBUG -fwrapv -Wall", when: When::Always, profiles: &[Profile::Fast] },
];

/// Finds the shared libpython from wherever the tree was unpacked to. Make turns `$$` into `$`, and the backslash keeps
/// the shell that make starts from reading `$ORIGIN`. As `LDFLAGS_NODIST` it does not reach the extensions that users
/// compile with the result.
const RPATH: &str = r"LDFLAGS_NODIST=-Wl,-rpath,\$$ORIGIN/../lib";

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
    flags.extend(opt);
    flags.push(RPATH.to_owned());
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, profile: Profile, expect: &[&str]) {
        let flags = flags(&version.parse().unwrap(), profile);
        let common = [
            &format!("--prefix=/opt/python-{version}"),
            "--enable-option-checking=fatal",
            "--enable-shared",
            "--enable-loadable-sqlite-extensions",
            "--with-ensurepip=no",
            r"LDFLAGS_NODIST=-Wl,-rpath,\$$ORIGIN/../lib",
        ];
        assert!(common.iter().all(|flag| flags.iter().any(|found| found == flag)), "{flags:?}");
        let rest: Vec<&String> = flags.iter().filter(|flag| !common.contains(&flag.as_str())).collect();
        assert_eq!(rest, expect);
    }

    #[test]
    fn options_follow_the_version() {
        check("3.11.2", Profile::Fast, &["--with-system-ffi", "OPT=-O2 -DNDEBUG -fwrapv -Wall"]);
        check("3.12.0", Profile::Fast, &["OPT=-O2 -DNDEBUG -fwrapv -Wall"]);
        check("3.14.10t", Profile::Fast, &["--disable-gil", "OPT=-O2 -DNDEBUG -fwrapv -Wall"]);
        check("3.14.10t+debug", Profile::Smoke, &["--disable-gil", "--with-pydebug", "OPT=-O0 -g -fwrapv -Wall"]);
        let sanitized = ["--with-undefined-behavior-sanitizer", "LDFLAGS=-static-libubsan"];
        check("3.13.5+ubsan", Profile::Fast, &[&sanitized[..], &["OPT=-O1 -g -DNDEBUG -fwrapv -Wall"]].concat());
    }

    #[test]
    fn options_follow_the_profile() {
        check("3.13.5", Profile::Release, &["--enable-optimizations", "--with-lto", "--without-static-libpython"]);
        check("3.13.5", Profile::Smoke, &["OPT=-O0 -g -DNDEBUG -fwrapv"]);
    }
}
