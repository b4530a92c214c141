//! Finding the agent that is sent into machines.

use std::path::{Path, PathBuf};
use vmbuild_core::failure::{Diagnose, Exit};

/// Error of [`find`].
#[derive(Debug, thiserror::Error)]
pub enum AgentBinaryError {
    /// Neither next to the program nor at `VMBUILD_AGENT`.
    #[error("could not find vmbuild-agent (looked for {})", looked.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    Missing {
        /// Every path that was tried.
        looked: Vec<PathBuf>,
    },
    /// It needs a dynamic loader, which a bare guest does not have.
    #[error("{} is not a static binary", path.display())]
    Dynamic {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("failed to read the agent")]
    Io(#[from] std::io::Error),
}

impl Diagnose for AgentBinaryError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        vec!["`make build` builds both programs; set VMBUILD_AGENT to use another agent".to_owned()]
    }
}

/// The static agent binary: `VMBUILD_AGENT`, or next to the running program.
pub fn find() -> Result<PathBuf, AgentBinaryError> {
    let named = std::env::var_os("VMBUILD_AGENT").map(PathBuf::from);
    let sibling = std::env::current_exe()?.parent().map(|folder| folder.join("vmbuild-agent"));
    let looked: Vec<PathBuf> = match named {
        Some(path) => vec![path],
        None => sibling.into_iter().collect(),
    };
    let Some(path) = looked.iter().find(|path| path.is_file()) else {
        return Err(AgentBinaryError::Missing { looked });
    };
    if !is_static(&fs_err::read(path)?) {
        return Err(AgentBinaryError::Dynamic { path: path.clone() });
    }
    Ok(fs_err::canonicalize(path)?)
}

/// Returns true for a 64-bit little-endian ELF file that asks for no interpreter.
fn is_static(file: &[u8]) -> bool {
    goblin::elf::Elf::parse(file).is_ok_and(|elf| elf.is_64 && elf.little_endian && elf.interpreter.is_none())
}

/// Returns true if [`find`] would accept `path`.
pub fn accepts(path: &Path) -> bool {
    fs_err::read(path).is_ok_and(|bytes| is_static(&bytes))
}
