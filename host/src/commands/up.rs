//! `vmbuild up`: a named machine, left running.

use super::context::Context;
use super::machines::Setup;
use super::program::Ending;
use crate::cli::Up;
use crate::event::Part;
use crate::failure::{Exit, Failure};
use crate::image::{Image, Role};
use crate::machine::{Lifetime, Machine, MachineFolder, MachineState, sweep};

/// Starts the machine, or says that it runs already; one that was halted starts again from its own disk.
pub(crate) async fn up(context: &Context, args: Up) -> Result<Ending, Failure> {
    sweep(&context.store, &context.events, &context.cancel).await?;
    let folder = MachineFolder::new(&context.store.machines(), args.name.clone());
    if folder.state()? == MachineState::Running {
        context.events.note(Part::Machine, format!("{} is running already", args.name));
        return Ok(Exit::Success.into());
    }
    let spec = match folder.record()? {
        Some(record) => {
            context.events.note(Part::Machine, format!("{} was halted: starting it again", args.name));
            record.spec
        }
        None => fresh(context, &args).await?,
    };
    let phase = context.events.phase(Part::Machine, "start", args.name.to_string());
    let machine = Machine::start(&spec, &context.store, &context.events, &context.cancel).await?;
    let round_trip = machine.session().ping().await?;
    machine.leave();
    phase.finish(format!("agent answers in {:.1} ms", round_trip.as_secs_f64() * 1000.0));
    Ok(Exit::Success.into())
}

async fn fresh(context: &Context, args: &Up) -> Result<crate::machine::MachineSpec, Failure> {
    Image::find(&args.machine.image)?;
    let setup = Setup::decide(context, &args.machine).await?;
    setup.announce(context);
    let golden = setup.golden(context, Role::Build).await?;
    setup.spec(context, &golden, args.name.clone(), Lifetime::Named).await
}
