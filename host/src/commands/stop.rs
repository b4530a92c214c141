//! `vmbuild halt` and `vmbuild destroy`.

use super::context::Context;
use super::program::Ending;
use crate::cli::Named;
use crate::event::Part;
use crate::failure::{Exit, Failure};
use crate::machine::{MachineError, MachineFolder, MachineState, end_machine, sweep};

/// Stops the machine; its disk stays for the next `up`.
pub(crate) async fn halt(context: &Context, args: Named) -> Result<Ending, Failure> {
    let folder = existing(context, args).await?;
    let phase = context.events.phase(Part::Machine, "halt", folder.name().to_string());
    let was = folder.state()?;
    end_machine(&folder, &context.cancel).await?;
    phase.finish(if was == MachineState::Running { "stopped" } else { "was not running" });
    Ok(Exit::Success.into())
}

/// Stops the machine and deletes its folder.
pub(crate) async fn destroy(context: &Context, args: Named) -> Result<Ending, Failure> {
    let folder = existing(context, args).await?;
    let phase = context.events.phase(Part::Machine, "destroy", folder.name().to_string());
    end_machine(&folder, &context.cancel).await?;
    folder.remove(&context.cancel).await?;
    phase.finish("gone");
    Ok(Exit::Success.into())
}

async fn existing(context: &Context, args: Named) -> Result<MachineFolder, Failure> {
    sweep(&context.store, &context.events, &context.cancel).await?;
    let folder = MachineFolder::new(&context.store.machines(), args.name.clone());
    if folder.path().is_dir() { Ok(folder) } else { Err(MachineError::Unknown { name: args.name }.into()) }
}
