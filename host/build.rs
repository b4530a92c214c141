//! Names the commit in `vmbuild --version`. Sources without their own repository have no commit to name.

use std::path::Path;
use std::process::Command;

/// Output of git, if it succeeds.
#[expect(clippy::disallowed_methods, reason = "build scripts keep to std: a dependency here slows every build")]
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// `e63aba6-dirty 2026-11-27`.
fn commit() -> Option<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().ok()?;
    // An unpacked tarball may lie in somebody else's repository.
    if Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()? != workspace {
        return None;
    }
    let head = git(&["rev-parse", "--git-path", "HEAD"])?;
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let branch = branch.and_then(|branch| git(&["rev-parse", "--git-path", &branch]));
    let packed = git(&["rev-parse", "--git-path", "packed-refs"]);
    for file in std::iter::once(head).chain(branch).chain(packed) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        // A file that is missing would run this script before every build.
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }
    let described = git(&["describe", "--always", "--dirty", "--exclude=*"])?;
    Some(format!("{described} {}", git(&["log", "-1", "--format=%cs"])?))
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
    if let Some(commit) = commit() {
        println!("cargo::rustc-env=VMBUILD_COMMIT={commit}");
    }
}
