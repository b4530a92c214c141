//! `vmbuild cp`: files into a machine and out of it.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::{CopyPlace, CpArgs};
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::format::size;
use vmbuild_guest::{CopyDepth, GuestTree, receive, send};
use vmbuild_machine::{Machine, MachineName};

/// Both sides are here, or in machines.
#[derive(Debug, thiserror::Error)]
enum Sides {
    #[error("neither side is in a machine")]
    BothHere,
    #[error("both sides are in machines: {0} and {1}")]
    BothThere(MachineName, MachineName),
}

impl Diagnose for Sides {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::BothHere => "NAME:PATH is a path in the machine NAME".to_owned(),
            Self::BothThere(..) => "copy to a place here first".to_owned(),
        }]
    }
}

/// Copies one file, or a tree.
pub(crate) async fn cp(context: &CommandContext, args: CpArgs) -> Result<CommandExit, Failure> {
    let depth = if args.recursive { CopyDepth::Tree } else { CopyDepth::File };
    let name = match (&args.from, &args.to) {
        (CopyPlace::Here(_), CopyPlace::There { machine, .. })
        | (CopyPlace::There { machine, .. }, CopyPlace::Here(_)) => machine,
        (CopyPlace::Here(_), CopyPlace::Here(_)) => return Err(Sides::BothHere.into()),
        (CopyPlace::There { machine: one, .. }, CopyPlace::There { machine: other, .. }) => {
            return Err(Sides::BothThere(one.clone(), other.clone()).into());
        }
    };
    let machine = Machine::attach(&context.store, name, &context.cancel).await?.telling(&context.events);
    let phase = context.events.phase(Part::Machine, "copy", "");
    let copying = async {
        let (session, cancel) = (machine.session(), &context.cancel);
        Ok(match (&args.from, &args.to) {
            (CopyPlace::Here(from), CopyPlace::There { path, .. }) => {
                send(session, from, GuestTree { path, depth }, &phase, cancel).await?
            }
            (CopyPlace::There { path, .. }, CopyPlace::Here(to)) => {
                receive(session, GuestTree { path, depth }, to, &phase, cancel).await?
            }
            _ => return Err(Sides::BothHere.into()),
        })
    };
    let copied = machine.carry(copying).await?;
    let went_on =
        if copied.resumed > 0 { format!(", {} had arrived before", size(copied.resumed)) } else { String::new() };
    let files = if copied.files == 1 { "1 file".to_owned() } else { format!("{} files", copied.files) };
    phase.finish(format!("{files}, {}{went_on}", size(copied.bytes)));
    if copied.skipped > 0 {
        context.events.warn(Part::Machine, format!("left out {} devices, pipes or sockets", copied.skipped));
    }
    Ok(Exit::Success.into())
}
