//! `cp`: copies files into a named machine or out of it.

use crate::named::{attach, traced};
use std::path::PathBuf;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_guest::{CopyDepth, CopySummary, GuestTree, receive, send};
use vmbuild_machine::MachineName;

/// Files to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// The machine on the one side.
    pub name: MachineName,
    /// Source and destination.
    pub direction: CopyDirection,
    /// One file, or a tree.
    pub depth: CopyDepth,
}

/// Source and destination of a copy. In a folder that exists, the copy keeps its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyDirection {
    /// Into the machine.
    Send {
        /// On this host.
        from: PathBuf,
        /// Absolute path in the guest.
        to: String,
    },
    /// Out of the machine.
    Receive {
        /// Absolute path in the guest.
        from: String,
        /// On this host.
        to: PathBuf,
    },
}

/// Files that were copied.
#[derive(Debug)]
pub struct CopyOutcome {
    /// How many, and how large.
    pub copied: CopySummary,
}

/// Copies one file, or a tree. Devices, pipes and sockets are left out, with a warning.
pub async fn cp(context: &Context, request: CopyRequest) -> Result<CopyOutcome, Failure> {
    let name = request.name.clone();
    traced(context, &name, copy(context, request)).await
}

async fn copy(context: &Context, CopyRequest { name, direction, depth }: CopyRequest) -> Result<CopyOutcome, Failure> {
    let machine = attach(context, &name).await?;
    let phase = context.events.phase(Part::Machine, "copy", "");
    let (session, cancel) = (machine.session(), &context.cancel);
    let copying = async {
        Ok(match &direction {
            CopyDirection::Send { from, to } => {
                send(session, from, GuestTree { path: to, depth }, &phase, cancel).await?
            }
            CopyDirection::Receive { from, to } => {
                receive(session, GuestTree { path: from, depth }, to, &phase, cancel).await?
            }
        })
    };
    let copied = machine.carry(copying).await?;
    phase.finish(summary(&copied));
    if copied.skipped > 0 {
        context.events.warn(Part::Machine, format!("left out {} devices, pipes or sockets", copied.skipped));
    }
    Ok(CopyOutcome { copied })
}

fn summary(copied: &CopySummary) -> String {
    let files = if copied.files == 1 { "1 file".to_owned() } else { format!("{} files", copied.files) };
    let resumed = match copied.resumed {
        0 => String::new(),
        resumed => format!(", {} already transferred", size(resumed)),
    };
    format!("{files}, {}{resumed}", size(copied.bytes))
}
