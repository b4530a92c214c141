//! `vmbuild up`: a named machine, left running.

use super::context::Context;
use super::machines::Setup;
use super::program::Ending;
use crate::cli::Up;
use crate::event::Part;
use crate::failure::{Exit, Failure};
use crate::image::Role;
use crate::machine::{Lifetime, Machine, MachineError, MachineFolder, MachineSpec, MachineState};

/// Starts the machine, or says that it runs already; one that was halted starts again from its own disk.
pub(crate) async fn up(context: &Context, args: Up) -> Result<Ending, Failure> {
    context.tidy_up().await?;
    let folder = MachineFolder::new(&context.store.machines(), args.name.clone());
    let spec = match halted(context, &folder).await? {
        Before::Running => {
            context.events.note(Part::Machine, format!("{} is running already", args.name));
            return Ok(Exit::Success.into());
        }
        Before::Halted(spec) => *spec,
        Before::Nothing => fresh(context, &args).await?,
    };
    let phase = context.events.phase(Part::Machine, "boot", args.name.to_string());
    let machine = Machine::start(spec, &context.store, &context.events, &context.cancel).await?;
    let round_trip = context.unless_interrupted(machine.ask(machine.session().ping())).await??;
    phase.finish(format!("agent answers in {:.1} ms", round_trip.as_secs_f64() * 1000.0));
    let next = format!("`vmbuild exec --name {} -- uname -a` runs a program in it", args.name);
    context.events.note(Part::Machine, next);
    Ok(Exit::Success.into())
}

enum Before {
    Nothing,
    Halted(Box<MachineSpec>),
    Running,
}

async fn halted(context: &Context, folder: &MachineFolder) -> Result<Before, Failure> {
    if !folder.path().is_dir() {
        return Ok(Before::Nothing);
    }
    if folder.state().await.map_err(MachineError::Folder)? == MachineState::Running {
        return Ok(Before::Running);
    }
    let record = folder.read_record().map_err(MachineError::Folder)?;
    Ok(record.map_or(Before::Nothing, |record| {
        context.events.note(Part::Machine, format!("{} was halted: starting it from its own disk", folder.name()));
        Before::Halted(Box::new(record.spec))
    }))
}

async fn fresh(context: &Context, args: &Up) -> Result<MachineSpec, Failure> {
    let setup = Setup::decide(context, &args.machine).await?;
    let golden = setup.golden(context, Role::Build).await?;
    setup.spec(context, &golden, args.name.clone(), Lifetime::Named).await
}
