//! The agent is sent into machines that may have no C library at all, so it must be one static file.

use crate::workspace::{TaskError, Workspace, say};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use vmbuild_supervise::Command;

const AGENT: &str = "vmbuild-agent";

/// Builds the agent, proves that it is static, and copies it next to the host program. Returns the built file: `cargo`
/// itself overwrites `target/debug/vmbuild-agent` with a dynamic one when tests are compiled.
pub(crate) async fn build(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    let (target, triple) = (target_folder(workspace).await?, triple(workspace).await?);
    let cargo = workspace.cargo().args(["build", "--release", "--package", AGENT, "--target", &triple]);
    workspace.show(linked_statically(cargo, &triple)).await?;
    let built = target.join(&triple).join("release").join(AGENT);
    demand_static(workspace, &built).await?;
    for profile in ["release", "debug"] {
        place(&built, &target.join(profile))?;
    }
    say(&format!("agent: static, {} bytes", fs_err::metadata(&built)?.len()));
    Ok(built)
}

/// Cargo's target folder, which an environment variable or the user's configuration may have moved.
pub(crate) async fn target_folder(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    #[derive(serde::Deserialize)]
    struct CargoMetadata {
        target_directory: PathBuf,
    }
    let said = workspace.read(workspace.cargo().args(["metadata", "--no-deps", "--format-version", "1"])).await?;
    let metadata: CargoMetadata = serde_json::from_str(&said).map_err(|_| TaskError::Silent("cargo metadata"))?;
    Ok(metadata.target_directory)
}

/// The musl target where the toolchain has it, else the host's own with a static C library.
async fn triple(workspace: &Workspace) -> Result<String, TaskError> {
    let said = workspace.read(rustc(workspace).arg("-vV")).await?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or(TaskError::Silent("rustc -vV"))?;
    let musl = host.replace("-gnu", "-musl");
    let libraries = workspace.read(rustc(workspace).args(["--print", "target-libdir", "--target", &musl])).await;
    let installed = libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir());
    Ok(if installed { musl } else { host.to_owned() })
}

/// The compiler that cargo uses.
pub(crate) fn rustc(workspace: &Workspace) -> Command {
    workspace.program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// `RUSTFLAGS` silences every other source of flags, so where it is set, ours go into it.
fn linked_statically(cargo: Command, triple: &str) -> Command {
    const FLAG: &str = "-Ctarget-feature=+crt-static";
    match std::env::var_os("RUSTFLAGS") {
        Some(mut flags) => {
            flags.push(" ");
            flags.push(FLAG);
            cargo.env("RUSTFLAGS", flags)
        }
        None => cargo.env(flags_of(triple), FLAG),
    }
}

/// The variable that holds one target's flags (The Cargo Book, "Environment variables").
fn flags_of(triple: &str) -> OsString {
    format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_")).into()
}

async fn demand_static(workspace: &Workspace, binary: &Path) -> Result<(), TaskError> {
    let readelf = workspace.program("readelf").args(["--program-headers", "--wide"]).arg(binary).env("LC_ALL", "C");
    let headers = workspace.read(readelf).await?;
    match (headers.contains("LOAD"), headers.contains("INTERP")) {
        (true, false) => Ok(()),
        (true, true) => Err(TaskError::Dynamic(binary.to_owned())),
        (false, _) => Err(TaskError::Silent("readelf")),
    }
}

/// Copies the agent into a host program's folder, if that exists. By rename: the old one may be running.
fn place(built: &Path, folder: &Path) -> Result<(), TaskError> {
    if folder.is_dir() {
        let new = folder.join(format!(".{AGENT}.{}", std::process::id()));
        fs_err::copy(built, &new)?;
        fs_err::rename(&new, folder.join(AGENT))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_to_one_target() {
        assert_eq!(flags_of("x86_64-unknown-linux-gnu"), "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS");
    }

    #[test]
    fn a_copy_replaces_and_never_makes_a_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let built = folder.path().join("built");
        fs_err::write(&built, "new").expect("a file");
        fs_err::write(folder.path().join(AGENT), "old").expect("a file");
        place(&built, folder.path()).expect("a copy");
        assert_eq!(fs_err::read_to_string(folder.path().join(AGENT)).expect("a file"), "new");
        let missing = folder.path().join("missing");
        place(&built, &missing).expect("nothing to do");
        assert!(!missing.exists());
    }
}
