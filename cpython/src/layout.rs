//! What an artifact is called and what lies where in it: the one definition for packer and validator.
//!
//! `cpython-3.13.5-debian12-build1.tgz` holds `opt/python-3.13.5/…`, to be unpacked at the root of a file system, with
//! `.build-info` and `LICENSE` beside `bin` and `lib`. Beside the artifact lies its `.sha256`.

mod name;

use crate::version::Version;
use vmbuild_protocol::Interpreter;

pub use name::{ArtifactName, BuildNumber, ImageWord, NameError};

/// Smallest size in bytes that a complete artifact has been seen to have is well above this: 30 MiB.
pub const MIN_BYTES: u64 = 30 << 20;

/// Largest size in bytes: 150 MiB. Beyond it, something went in that does not belong there.
pub const MAX_BYTES: u64 = 150 << 20;

/// What the build was, as JSON ([`crate::BuildInfo`]); below the prefix.
pub const BUILD_INFO: &str = ".build-info";

/// CPython's licence; below the prefix.
pub const LICENSE: &str = "LICENSE";

/// The time that everything in an artifact carries, in seconds since the Unix epoch: 2024-01-01 00:00 UTC. The entries
/// of the archive have it, and so do the texts in the binaries that say when they were compiled: real times would make
/// every two builds differ. When a build took place is said in `.build-info` alone.
pub const MTIME: u64 = 1_704_067_200;

/// Where a version is installed: `/opt/python-3.13.5`.
pub fn prefix(version: &Version) -> String {
    format!("/opt/python-{version}")
}

/// The folder in the archive that holds a version: `opt/python-3.13.5`.
pub fn entry_prefix(version: &Version) -> String {
    format!("opt/python-{version}")
}

/// Name of the interpreter in `bin`: `python3.13`.
pub fn binary(version: &Version) -> String {
    let (major, minor) = version.minor();
    format!("python{major}.{minor}")
}

/// Name of pip in `bin`: `pip3.13`.
pub fn pip(version: &Version) -> String {
    let (major, minor) = version.minor();
    format!("pip{major}.{minor}")
}

/// Name of an artifact's checksum file.
pub fn checksum_file(artifact: &ArtifactName) -> String {
    format!("{artifact}.sha256")
}

/// What an artifact's name promises to hold.
pub fn interpreter(artifact: &ArtifactName) -> Interpreter {
    let version = &artifact.version;
    Interpreter {
        version: version.to_string(),
        prefix: entry_prefix(version),
        binary: binary(version),
        pip: pip(version),
    }
}

/// A module that must import, and the first minor version without it.
type Required = (&'static str, Option<(u16, u16)>);

/// Modules that need a library of the system, or that configure leaves out silently when it cannot build them.
/// `compression.zstd` is not among them: it needs a newer libzstd than the older images have.
const REQUIRED: [Required; 20] = [
    ("ssl", None),
    ("sqlite3", None),
    ("uuid", None),
    ("lzma", None),
    ("bz2", None),
    ("zlib", None),
    ("_ctypes", None),
    ("_curses_panel", None),
    ("_decimal", None),
    ("_elementtree", None),
    ("_hashlib", None),
    ("_multiprocessing", None),
    ("_posixshmem", None),
    ("_uuid", None),
    ("crypt", Some((3, 13))),
    ("curses", None),
    ("dbm.gnu", None),
    ("dbm.ndbm", None),
    ("readline", None),
    ("tkinter", None),
];

/// The modules that must import from a complete build of a version.
pub fn required_modules(version: &Version) -> Vec<String> {
    let there = |until: &Option<(u16, u16)>| until.is_none_or(|until| version.minor() < until);
    REQUIRED.iter().filter(|(_, until)| there(until)).map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_promises_an_interpreter() {
        let artifact: ArtifactName = "cpython-3.15.0rc1-ubuntu22.04-build2.tgz".parse().unwrap();
        let expect = Interpreter {
            version: "3.15.0rc1".to_owned(),
            prefix: "opt/python-3.15.0rc1".to_owned(),
            binary: "python3.15".to_owned(),
            pip: "pip3.15".to_owned(),
        };
        assert_eq!(interpreter(&artifact), expect);
        assert_eq!(checksum_file(&artifact), "cpython-3.15.0rc1-ubuntu22.04-build2.tgz.sha256");
    }

    #[test]
    fn prefix_and_entries_agree() {
        let version = "3.13.5".parse().unwrap();
        assert_eq!(prefix(&version), format!("/{}", entry_prefix(&version)));
    }

    #[test]
    fn modules_that_are_gone_are_not_required() {
        let has_crypt = |text: &str| required_modules(&text.parse().unwrap()).iter().any(|name| name == "crypt");
        assert!(has_crypt("3.12.6") && !has_crypt("3.13.5"));
    }
}
