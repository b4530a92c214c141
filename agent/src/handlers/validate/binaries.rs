//! Check 6: the programs and the compiled modules are there, for this machine, whole and hardened.

use super::elf;
use super::hardening::look_at_tree;
use super::outcome::CheckOutcome;
use super::subject::Subject;
use super::tree::UnpackedArtifact;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use vmbuild_cpython::layout::compiled_modules;
use vmbuild_cpython::{ArtifactName, Version};

/// 6: the interpreter is a program that may be run, its version's compiled modules are there, and whatever is loaded is
/// for this machine, whole and hardened.
pub(super) async fn binaries(subject: &Subject<'_>, tree: &UnpackedArtifact) -> CheckOutcome {
    judge(subject, tree).await.map_err(|flaws| flaws.join("; ")).into()
}

async fn judge(subject: &Subject<'_>, tree: &UnpackedArtifact) -> Result<String, Vec<String>> {
    let there = program(tree, &subject.ask.interpreter.binary);
    let mut flaws: Vec<String> = there.as_ref().err().cloned().into_iter().collect();
    let (expected, looked) = match (expected(subject), look_at_tree(tree).await) {
        (Ok(expected), Ok(looked)) => (expected, looked),
        (expected, looked) => {
            flaws.extend(expected.err().into_iter().chain(looked.err()));
            return Err(flaws);
        }
    };
    flaws.extend(looked.flaws);
    if !looked.has_interpreter {
        flaws.push("no program or library in it holds the interpreter".to_owned());
    }
    let missing: Vec<&str> =
        expected.iter().filter(|&name| !looked.modules.contains(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let (count, all) = (missing.len(), expected.len());
        flaws.push(format!("{count} of {all} compiled modules are missing: {}", missing.join(", ")));
    }
    match there {
        Ok(there) if flaws.is_empty() => {
            Ok(format!("{there}; {} hardened files; {} compiled modules", looked.count, expected.len()))
        }
        _ => Err(flaws),
    }
}

/// The modules made of C code that the version in the artifact's name has.
fn expected(subject: &Subject<'_>) -> Result<Vec<String>, String> {
    let name: Result<ArtifactName, _> = subject.ask.artifact.parse();
    let version = name.map(|name| name.version).or_else(|_| subject.ask.interpreter.version.parse());
    version.map(|version: Version| compiled_modules(&version)).map_err(|error| error.to_string())
}

/// Demands a file in `bin` that may be executed, and names it.
pub(super) fn runnable(tree: &UnpackedArtifact, name: &str) -> Result<String, String> {
    let found = fs_err::metadata(tree.bin(name)).map_err(|_| format!("no bin/{name}"))?;
    if !found.is_file() {
        return Err(format!("bin/{name} is not a file"));
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(format!("bin/{name} is not executable"));
    }
    Ok(format!("bin/{name}, executable"))
}

/// Demands that it is also a program for this machine: no script, whatever that prints.
pub(super) fn program(tree: &UnpackedArtifact, name: &str) -> Result<String, String> {
    let there = runnable(tree, name)?;
    let mut start = Vec::new();
    let file = fs_err::File::open(tree.bin(name)).map_err(|error| error.to_string())?;
    file.take(elf::START as u64).read_to_end(&mut start).map_err(|error| error.to_string())?;
    elf::loadable(&start).map_err(|why| format!("bin/{name} {why}"))?;
    Ok(there)
}
