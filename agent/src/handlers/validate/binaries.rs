//! Check 6: the programs are there, and hardened.

use super::hardening::hardened;
use super::outcome::Outcome;
use super::subject::Subject;
use super::tree::Tree;
use std::os::unix::fs::PermissionsExt;

/// 6: the interpreter's binary is a file that may be run, and whatever is loaded is hardened.
pub(super) async fn binaries(subject: &Subject<'_>, tree: &Tree) -> Outcome {
    let found = match runnable(tree, &subject.ask.interpreter.binary) {
        Ok(there) => hardened(tree).await.map(|hardened| format!("{there}; {hardened}")),
        Err(why) => Err(why),
    };
    found.into()
}

/// Demands a program in `bin`, and names it.
pub(super) fn runnable(tree: &Tree, name: &str) -> Result<String, String> {
    let found = fs_err::metadata(tree.bin(name)).map_err(|_| format!("no bin/{name}"))?;
    if !found.is_file() {
        return Err(format!("bin/{name} is not a file"));
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(format!("bin/{name} is not executable"));
    }
    Ok(format!("bin/{name}, executable"))
}
