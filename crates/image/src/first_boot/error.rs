//! Errors of a first boot.

use super::{FIRMWARE_HINT, FirstBootPhase};
use crate::golden::rebuild_hint;
use std::path::PathBuf;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_guest::CopyError;
use vmbuild_machine::MachineError;
use vmbuild_machine::accelerator::AcceleratorError;

/// Why a publisher's disk did not become a clean tree.
#[derive(Debug, thiserror::Error)]
pub enum FirstBootError {
    /// The agent did not start.
    #[error("the image's first boot timed out waiting for {waited_for}{}", console(last_lines))]
    NoAgent {
        /// The phase that did not end.
        waited_for: FirstBootPhase,
        /// The end of its console, a line each; empty where `source` has it.
        last_lines: String,
        /// The machine's error.
        #[source]
        source: Box<MachineError>,
    },
    /// qemu-img's description of the disk cannot be read.
    #[error("{} is damaged", disk.display())]
    Damaged {
        /// The disk.
        disk: PathBuf,
        /// The parser's reason.
        #[source]
        source: serde_json::Error,
    },
    /// A publisher's disk refers to another file.
    #[error("{} is incomplete: it needs the backing file `{backing}`", disk.display())]
    BackingFile {
        /// The disk.
        disk: PathBuf,
        /// The other file.
        backing: String,
    },
    /// The guest could not send its root file system.
    #[error("the guest failed to send its root file system: {complaints}")]
    NotSent {
        /// tar's error output.
        complaints: String,
    },
    /// The packages could not be copied into the guest.
    #[error("failed to send packages into the guest")]
    SendPackages(#[from] CopyError),
    /// The image's kernel was not found, and the host has no firmware to boot it with.
    #[error("the image's kernel was not found, and there is no UEFI firmware to boot it with")]
    NoFirmware,
    /// No accelerator works on this host.
    #[error(transparent)]
    Accelerator(#[from] AcceleratorError),
}

impl Diagnose for FirstBootError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoAgent { source, .. } => source.exit(),
            Self::SendPackages(error) => error.exit(),
            Self::Accelerator(error) => error.exit(),
            Self::Damaged { .. } | Self::BackingFile { .. } | Self::NotSent { .. } | Self::NoFirmware => {
                Exit::Environment
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoAgent { source, .. } => source.hints(),
            Self::Damaged { disk, .. } => vec![rebuild_hint(disk)],
            Self::Accelerator(error) => error.hints(),
            Self::NoFirmware => vec![FIRMWARE_HINT.to_owned()],
            Self::BackingFile { .. } | Self::NotSent { .. } | Self::SendPackages(_) => Vec::new(),
        }
    }
}

fn console(last_lines: &str) -> String {
    if last_lines.is_empty() { String::new() } else { format!("; last lines of its console:{last_lines}") }
}
