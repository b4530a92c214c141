//! `vmbuild halt`, `vmbuild reload` and `vmbuild destroy`.

use super::context::CommandContext;
use super::program::CommandExit;
use super::up::start;
use crate::cli::TargetsArgs;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_machine::{FolderError, MachineError, MachineFolder, MachineState, destroy_named, end_named};

/// Stops the machines; their disks stay for the next `up`.
pub(crate) async fn halt(context: &CommandContext, args: TargetsArgs) -> Result<CommandExit, Failure> {
    for folder in existing(context, &args).await? {
        halt_one(context, &folder).await?;
    }
    Ok(Exit::Success.into())
}

/// Stops the machines and starts them again from their own disks.
pub(crate) async fn reload(context: &CommandContext, args: TargetsArgs) -> Result<CommandExit, Failure> {
    for folder in existing(context, &args).await? {
        halt_one(context, &folder).await?;
        let missing = || MachineError::Folder(FolderError::Missing(folder.name().clone()));
        let record = folder.read_record().map_err(MachineError::Folder)?.ok_or_else(missing)?;
        start(context, record.spec).await?;
    }
    Ok(Exit::Success.into())
}

/// Stops the machines and deletes their folders.
pub(crate) async fn destroy(context: &CommandContext, args: TargetsArgs) -> Result<CommandExit, Failure> {
    for folder in existing(context, &args).await? {
        let phase = context.events.phase(Part::Machine, "destroy", folder.name().to_string());
        destroy_named(&context.store, &folder, &context.cancel).await?;
        phase.finish("gone");
    }
    Ok(Exit::Success.into())
}

async fn halt_one(context: &CommandContext, folder: &MachineFolder) -> Result<(), Failure> {
    let phase = context.events.phase(Part::Machine, "halt", folder.name().to_string());
    let was = folder.state().map_err(MachineError::Folder)?;
    end_named(&context.store, folder, &context.cancel).await?;
    phase.finish(if was == MachineState::Running { "stopped" } else { "was not running" });
    Ok(())
}

/// The folders of all of them, so that a misspelt name stops the command before anything is done.
async fn existing(context: &CommandContext, args: &TargetsArgs) -> Result<Vec<MachineFolder>, Failure> {
    context.tidy_up().await?;
    let machines = context.store.machines();
    let folders = args.names().into_iter().map(|name| MachineFolder::find(&machines, name));
    Ok(folders.collect::<Result<_, _>>().map_err(MachineError::Folder)?)
}
