//! The arguments of CPython's `configure`, by version and profile.
//!
//! Options come and go between versions, and configure only warns about one that it does not know: a build then looks
//! right and lacks what was asked for. So each option says from when to when it exists, and
//! `--enable-option-checking=fatal` makes a mistake in that table stop the build.

use crate::layout;
use crate::profile::Profile;
use crate::version::Version;

/// A flag, and the versions and profiles it is for.
struct Flag {
    text: &'static str,
    /// First minor version without it.
    until: Option<(u16, u16)>,
    profiles: &'static [Profile],
}

const ALWAYS: &[Profile] = &Profile::ALL;
const RELEASE: &[Profile] = &[Profile::Release];

const OPTIONS: [Flag; 10] = [
    Flag { text: "--enable-option-checking=fatal", until: None, profiles: ALWAYS },
    Flag { text: "--enable-shared", until: None, profiles: ALWAYS },
    Flag { text: "--enable-loadable-sqlite-extensions", until: None, profiles: ALWAYS },
    // Removed in 3.12 and without effect on Linux before. What it asks for is checked on the result.
    Flag { text: "--with-system-ffi", until: Some((3, 12)), profiles: ALWAYS },
    // pip is installed by a step of ours, from the same wheels: see `vmbuild.mk`.
    Flag { text: "--with-ensurepip=no", until: None, profiles: ALWAYS },
    Flag { text: "--enable-optimizations", until: None, profiles: RELEASE },
    Flag { text: "--with-lto", until: None, profiles: RELEASE },
    // With LTO, libpython.a is 130 MB that only the very same compiler can use: more than all the rest. Those who embed
    // CPython link the shared library.
    Flag { text: "--without-static-libpython", until: None, profiles: RELEASE },
    // -g is what makes its size believable: a build without it and without byte code is under `layout::MIN_BYTES`.
    Flag { text: "OPT=-O0 -g -DNDEBUG -fwrapv", until: None, profiles: &[Profile::Smoke] },
    Flag { text: "OPT=-O2 -DNDEBUG -fwrapv -Wall", until: None, profiles: &[Profile::Fast] },
];

/// Finds the shared libpython from wherever the tree was unpacked to. Make turns `$$` into `$`, and the backslash keeps
/// the shell that make starts from reading `$ORIGIN`. As `LDFLAGS_NODIST` it does not reach the extensions that users
/// compile with the result.
const RPATH: &str = r"LDFLAGS_NODIST=-Wl,-rpath,\$$ORIGIN/../lib";

/// The arguments, in a fixed order.
pub fn flags(version: &Version, profile: Profile) -> Vec<String> {
    let fits =
        |option: &&Flag| option.until.is_none_or(|until| version.minor() < until) && option.profiles.contains(&profile);
    let mut flags = vec![format!("--prefix={}", layout::prefix(version))];
    flags.extend(OPTIONS.iter().filter(fits).map(|option| option.text.to_owned()));
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
    }

    #[test]
    fn options_follow_the_profile() {
        check("3.13.5", Profile::Release, &["--enable-optimizations", "--with-lto", "--without-static-libpython"]);
        check("3.13.5", Profile::Smoke, &["OPT=-O0 -g -DNDEBUG -fwrapv"]);
    }
}
