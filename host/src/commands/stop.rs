//! `vmbuild halt` and `vmbuild destroy`.

use super::context::Context;
use super::program::Ending;
use crate::cli::Named;
use crate::event::Part;
use crate::failure::{Exit, Failure};
use crate::machine::{MachineError, MachineFolder, MachineState, end_named};

/// Stops the machine; its disk stays for the next `up`.
pub(crate) async fn halt(context: &Context, args: Named) -> Result<Ending, Failure> {
    let folder = existing(context, args).await?;
    let phase = context.events.phase(Part::Machine, "halt", folder.name().to_string());
    let was = folder.state().await.map_err(MachineError::Folder)?;
    end_named(&context.store, &folder, &context.cancel).await?;
    phase.finish(if was == MachineState::Running { "stopped" } else { "was not running" });
    Ok(Exit::Success.into())
}

/// Stops the machine and deletes its folder.
pub(crate) async fn destroy(context: &Context, args: Named) -> Result<Ending, Failure> {
    let folder = existing(context, args).await?;
    let phase = context.events.phase(Part::Machine, "destroy", folder.name().to_string());
    let kept = end_named(&context.store, &folder, &context.cancel).await?;
    kept.folder.remove(&context.cancel).await.map_err(MachineError::Folder)?;
    phase.finish("gone");
    Ok(Exit::Success.into())
}

async fn existing(context: &Context, args: Named) -> Result<MachineFolder, Failure> {
    context.tidy_up().await?;
    Ok(MachineFolder::find(&context.store.machines(), args.name).map_err(MachineError::Folder)?)
}
