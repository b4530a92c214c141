//! Named machines, as several operations need them.

use crate::sweep::sweep;
use std::pin::Pin;
use tracing::Instrument;
use tracing::instrument::Instrumented;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::trace::machine_span;
use vmbuild_machine::{
    FolderError, Machine, MachineError, MachineFolder, MachineName, MachineSpec, MachineState, end_named,
};

/// Runs `work` within the machine's span: its trace also goes into `trace.log` in the machine's folder.
pub(crate) fn traced<F: Future>(context: &Context, name: &MachineName, work: F) -> Instrumented<Pin<Box<F>>> {
    let folder = MachineFolder::new(&context.store.machines(), name.clone());
    Box::pin(work).instrument(machine_span(folder.path()))
}

/// Connects to a running machine. Problems of the machine are emitted as events from then on.
pub(crate) async fn attach(context: &Context, name: &MachineName) -> Result<Machine, Failure> {
    Ok(Machine::attach(&context.store, name, &context.cancel).await?.telling(&context.events))
}

/// Starts a machine and leaves it running.
pub(crate) async fn start(context: &Context, spec: MachineSpec) -> Result<Machine, Failure> {
    let phase = context.events.phase(Part::Machine, "boot", spec.name.to_string());
    let machine = Machine::start(spec, &context.store, &context.events, &context.cancel).await?;
    let round_trip = context.unless_interrupted(machine.ask(machine.session().ping())).await??;
    phase.finish(format!("agent answers in {:.1} ms", round_trip.as_secs_f64() * 1000.0));
    Ok(machine)
}

/// Stops a machine and keeps its files. One that does not run is left as it is.
pub(crate) async fn stop(context: &Context, folder: &MachineFolder) -> Result<(), Failure> {
    let phase = context.events.phase(Part::Machine, "halt", folder.name().to_string());
    let was = folder.state().map_err(MachineError::Folder)?;
    end_named(&context.store, folder, &context.cancel).await?;
    phase.finish(if was == MachineState::Running { "stopped" } else { "was not running" });
    Ok(())
}

/// The folders of all these machines, so that a misspelt name fails before anything is done.
pub(crate) async fn existing(context: &Context, names: Vec<MachineName>) -> Result<Vec<MachineFolder>, Failure> {
    sweep(context).await?;
    let machines = context.store.machines();
    let folders: Result<Vec<_>, FolderError> =
        names.into_iter().map(|name| MachineFolder::find(&machines, name)).collect();
    Ok(folders.map_err(MachineError::Folder)?)
}
