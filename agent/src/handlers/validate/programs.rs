//! Programs in the unpacked artifact.

use super::elf;
use super::tree::UnpackedArtifact;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

/// Demands an executable file in `bin`, and names it.
pub(super) fn demand_executable(tree: &UnpackedArtifact, name: &str) -> Result<String, String> {
    let found = fs_err::metadata(tree.bin(name)).map_err(|_| format!("no bin/{name}"))?;
    if !found.is_file() {
        return Err(format!("bin/{name} is not a file"));
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(format!("bin/{name} is not executable"));
    }
    Ok(format!("bin/{name}, executable"))
}

/// Demands that it is also a program for this machine: a script does not pass, whatever it prints.
pub(super) fn demand_program(tree: &UnpackedArtifact, name: &str) -> Result<String, String> {
    let found = demand_executable(tree, name)?;
    let mut start = Vec::new();
    let file = fs_err::File::open(tree.bin(name)).map_err(|error| error.to_string())?;
    file.take(elf::START as u64).read_to_end(&mut start).map_err(|error| error.to_string())?;
    elf::loadable(&start).map_err(|flaw| format!("bin/{name} {flaw}"))?;
    Ok(found)
}
