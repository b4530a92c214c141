//! Checks that the host program compiles for macOS. Cargo checks its types on Linux: this needs the sources of the
//! standard library, but no Apple linker, no headers and no Mac.
//!
//! Some crates compile C for their target. Nothing is linked, so a stand-in compiler that writes an empty file is enough.

use crate::agent;
use crate::workspace::{TaskError, Workspace, say};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const TARGET: &str = "aarch64-apple-darwin";

/// Stands for cc and ar: makes the file that was asked for.
const YES: &str = r#"#!/bin/sh
output=
for word in "$@"; do
    case "$previous" in -o) output=$word ;; esac
    case "$word" in *.a) output=$word ;; esac
    previous=$word
done
[ -z "$output" ] || : > "$output"
"#;

/// Runs the check. `library`: the folder of that name in this compiler's sources; by default rustup's.
pub(crate) async fn check(workspace: &Workspace, library: Option<PathBuf>) -> Result<(), TaskError> {
    let library = match library {
        Some(library) => library,
        None => installed(workspace).await?,
    };
    fs_err::metadata(library.join("Cargo.lock")).inspect_err(|_| {
        say("sources of the standard library not found: run `rustup component add rust-src`, or use --library");
    })?;
    let folder = agent::target_folder(workspace).await?.join("macos");
    fs_err::create_dir_all(&folder)?;
    let yes = folder.join("yes");
    fs_err::write(&yes, YES)?;
    fs_err::set_permissions(&yes, std::fs::Permissions::from_mode(0o755))?;
    let words = ["check", "-Zbuild-std=std,panic_abort", "--target", TARGET, "--package", "vmbuild"];
    let mut cargo = workspace.cargo().args(words).arg("--target-dir").arg(&folder);
    for tool in ["CC", "CXX", "AR"] {
        cargo = cargo.env(format!("{tool}_{}", TARGET.replace('-', "_")), &yes);
    }
    // Without them `cc` would ask Xcode.
    cargo = cargo.env("SDKROOT", &folder).env("MACOSX_DEPLOYMENT_TARGET", "11.0");
    // `build-std` belongs to the nightly cargo; the variable after it is how cargo's own tests say where the sources are.
    workspace.show(cargo.env("RUSTC_BOOTSTRAP", "1").env("__CARGO_TESTS_ONLY_SRC_ROOT", library)).await
}

async fn installed(workspace: &Workspace) -> Result<PathBuf, TaskError> {
    let sysroot = workspace.read(agent::rustc(workspace).args(["--print", "sysroot"])).await?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library"))
}
