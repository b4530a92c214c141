//! Gives both binaries one build id: a digest over every source file they share or ship,
//! so a host and an agent from different trees refuse each other by name instead of misreading frames.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The folders whose contents the guest's behaviour depends on, relative to the workspace root.
const SHARED: [&str; 6] =
    ["crates/protocol", "agent", "crates/cpython", "crates/archive", "crates/packages", "crates/supervise"];

#[expect(clippy::disallowed_methods, reason = "build scripts keep to std: a dependency here slows every build")]
fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs" || ext == "toml") {
            files.push(path);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "build scripts keep to std: a dependency here slows every build")]
fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in SHARED {
        println!("cargo::rerun-if-changed={}", root.join(folder).join("src").display());
        collect(&root.join(folder).join("src"), &mut files);
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file);
        hasher.update(name.to_string_lossy().as_bytes());
        hasher.update(std::fs::read(file).unwrap_or_default());
    }
    let digest = hex::encode(hasher.finalize());
    println!("cargo::rustc-env=VMBUILD_BUILD_ID={}", &digest[..16]);
}
