//! Name and layout of an artifact: the single definition for packer and validator.
//!
//! `cpython-3.13.5-debian12-build1.tgz` holds `opt/python-3.13.5/…`, to be unpacked at the root of a file system, with
//! `.build-info` and `LICENSE` next to `bin` and `lib`. The artifact's `.sha256` and `.build.json` are next to it.

mod extent;
mod name;

use crate::minor::{MinorFacts, minors};
use crate::version::Version;
use vmbuild_protocol::Interpreter;

pub use extent::{Extent, SizeBounds};
pub use name::{ArtifactName, BuildNumber, ImageLabel, NameError};

/// Description of the build as JSON ([`crate::BuildInfo`]), relative to the prefix.
pub const BUILD_INFO: &str = ".build-info";

/// Software bill of materials ([`crate::sbom`]), relative to the prefix.
pub const SBOM: &str = ".sbom.spdx.json";

/// CPython's license, relative to the prefix.
pub const LICENSE: &str = "LICENSE";

/// Timestamp of everything in an artifact, in seconds since the Unix epoch: 2024-01-01 00:00 UTC. The entries
/// of the archive have it, and so do the compilation dates in the binaries: real times would make
/// any two builds differ. The time of a build is in its record, next to the artifact.
pub const MTIME: u64 = 1_704_067_200;

/// Suffix that turns an artifact's name into that of its software bill of materials.
pub const SBOM_SUFFIX: &str = ".spdx.json";

/// Suffix that turns an artifact's name into that of its provenance statement.
pub const PROVENANCE_SUFFIX: &str = ".provenance.json";

/// Suffix of a published profile.
pub const PROFILE_DATA: &str = "-profile.tar.zst";

/// Suffix of the tarball with debug info. It contains `usr/lib/debug/.build-id/ab/cdef….debug`, where gdb looks
/// up build ids once it is unpacked at the root of a file system.
pub const DEBUG_INFO: &str = "-debug.tar.zst";

/// Installation prefix of a version: `/opt/python-3.13.5`.
pub fn prefix(version: &Version) -> String {
    format!("/opt/python-{version}")
}

/// Folder of a version in the archive: `opt/python-3.13.5`.
pub fn entry_prefix(version: &Version) -> String {
    format!("opt/python-{version}")
}

/// Name of the interpreter in `bin`: `python3.13`, `python3.14t` for a free-threaded one, `python3.13d` for a debug build.
pub fn binary(version: &Version) -> String {
    let (major, minor) = version.minor();
    format!("python{major}.{minor}{}", version.abi_flags())
}

/// Name of pip in `bin`: `pip3.13`, also for a free-threaded build.
pub fn pip(version: &Version) -> String {
    let (major, minor) = version.minor();
    format!("pip{major}.{minor}")
}

/// Name of an artifact's checksum file.
pub fn checksum_file(artifact: &ArtifactName) -> String {
    format!("{artifact}.sha256")
}

/// Name of an artifact's record: [`crate::BuildRecord`] as JSON.
pub fn record_file(artifact: &ArtifactName) -> String {
    format!("{artifact}.build.json")
}

/// Name of an artifact's software bill of materials: [`crate::sbom`].
pub fn sbom_file(artifact: &ArtifactName) -> String {
    format!("{artifact}{SBOM_SUFFIX}")
}

/// Name of an artifact's provenance statement: [`crate::provenance`].
pub fn provenance_file(artifact: &ArtifactName) -> String {
    format!("{artifact}{PROVENANCE_SUFFIX}")
}

/// Name of the profile that an artifact was optimized with, in the format of [`crate::profile_data`].
pub fn profile_data_file(artifact: &ArtifactName) -> String {
    format!("{}{PROFILE_DATA}", artifact.to_string().trim_end_matches(".tgz"))
}

/// Name of the tarball with an artifact's debug info: see [`DEBUG_INFO`].
pub fn debug_info_file(artifact: &ArtifactName) -> String {
    format!("{}{DEBUG_INFO}", artifact.to_string().trim_end_matches(".tgz"))
}

/// Returns the interpreter that an artifact must contain according to its name. A free-threaded interpreter reports the
/// same version as the standard one: only its program's name has the `t`.
pub fn interpreter(artifact: &ArtifactName) -> Interpreter {
    let version = &artifact.version;
    Interpreter {
        version: version.release().to_string(),
        prefix: entry_prefix(version),
        binary: binary(version),
        pip: pip(version),
    }
}

/// Modules that a complete build of a version must be able to import, sorted.
pub fn required_modules(version: &Version) -> Vec<String> {
    let mut modules = [minors().common.modules.as_slice(), &MinorFacts::of(version).modules].concat();
    modules.sort();
    modules
}

/// Extension modules that a complete build of a version has, sorted.
pub fn compiled_modules(version: &Version) -> Vec<String> {
    let mut modules = [minors().common.compiled.as_slice(), &MinorFacts::of(version).compiled].concat();
    modules.sort();
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_determines_the_interpreter() {
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
    fn a_free_threaded_interpreter_has_a_name_of_its_own() {
        let artifact: ArtifactName = "cpython-3.14.10t-debian12-build1.tgz".parse().unwrap();
        let expect = Interpreter {
            version: "3.14.10".to_owned(),
            prefix: "opt/python-3.14.10t".to_owned(),
            binary: "python3.14t".to_owned(),
            pip: "pip3.14".to_owned(),
        };
        assert_eq!(interpreter(&artifact), expect);
    }

    #[test]
    fn a_flavoured_interpreter_has_its_flavours_in_its_folder() {
        let artifact: ArtifactName = "cpython-3.14.10t+debug+asan-debian12-build1.tgz".parse().unwrap();
        let expect = Interpreter {
            version: "3.14.10".to_owned(),
            prefix: "opt/python-3.14.10t+debug+asan".to_owned(),
            binary: "python3.14td".to_owned(),
            pip: "pip3.14".to_owned(),
        };
        assert_eq!(interpreter(&artifact), expect);
        assert_eq!(artifact.to_string(), "cpython-3.14.10t+debug+asan-debian12-build1.tgz");
    }

    #[test]
    fn prefix_and_entries_agree() {
        let version = "3.13.5".parse().unwrap();
        assert_eq!(prefix(&version), format!("/{}", entry_prefix(&version)));
    }

    #[test]
    fn removed_modules_are_not_required() {
        let has = |text: &str, module: &str| required_modules(&text.parse().unwrap()).iter().any(|name| name == module);
        assert!(has("3.12.6", "crypt") && !has("3.13.5", "crypt"));
        let compiled =
            |text: &str, module: &str| compiled_modules(&text.parse().unwrap()).iter().any(|name| name == module);
        assert!(compiled("3.11.2", "_sha256") && !compiled("3.12.6", "_sha256") && compiled("3.13.5", "_sha2"));
        assert!(compiled("3.13.5", "_ssl") && compiled("3.15.0rc1", "_zstd") && !compiled("3.13.5", "_zstd"));
        assert!(has("3.12.6", "ssl") && has("3.14.10t", "compression.zstd") && !has("3.13.5", "compression.zstd"));
    }
}
