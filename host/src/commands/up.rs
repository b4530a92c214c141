//! `vmbuild up`: a named machine, left running.

use super::context::Context;
use super::machines::Setup;
use super::program::Ending;
use crate::cli::Up;
use crate::event::Part;
use crate::failure::{Exit, Failure};
use crate::image::Role;
use crate::machine::{Lifetime, Machine, MachineError, MachineFolder, MachineSpec, MachineState};
use crate::store::StoreError;

/// Starts the machine, or says that it runs already; one that was halted starts again from its own disk.
pub(crate) async fn up(context: &Context, args: Up) -> Result<Ending, Failure> {
    context.tidy_up().await?;
    let folder = MachineFolder::new(&context.store.machines(), args.name.clone());
    let mut sources = None;
    let spec = match halted(context, &folder).await? {
        Before::Running => {
            context.events.note(Part::Machine, format!("{} is running already", args.name));
            return Ok(Exit::Success.into());
        }
        Before::Halted(spec) => *spec,
        Before::Nothing => {
            let (spec, archive) = fresh(context, &args).await?;
            sources = archive;
            spec
        }
    };
    let phase = context.events.phase(Part::Machine, "boot", args.name.to_string());
    let machine = Machine::start(spec, &context.store, &context.events, &context.cancel).await?;
    let round_trip = context.unless_interrupted(machine.ask(machine.session().ping())).await??;
    phase.finish(format!("agent answers in {:.1} ms", round_trip.as_secs_f64() * 1000.0));
    if let Some(sources) = sources {
        name_archive(context, &machine, &sources).await?;
    }
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

/// The golden machine names no archive, so that it is the same everywhere; a person wants `apt install`.
async fn name_archive(context: &Context, machine: &Machine, sources: &str) -> Result<(), Failure> {
    let file = tempfile::NamedTempFile::new().map_err(StoreError::Io)?;
    fs_err::write(file.path(), sources).map_err(StoreError::Io)?;
    let sent = machine.session().put_file(file.path(), "/etc/apt/sources.list", 0o644, &context.cancel, |_| ());
    context.unless_interrupted(machine.ask(sent)).await??;
    Ok(())
}

/// The machine, and what its package manager is to be told about archives.
async fn fresh(context: &Context, args: &Up) -> Result<(MachineSpec, Option<String>), Failure> {
    let setup = Setup::decide(context, &args.machine).await?;
    let golden = setup.golden(context, Role::Build).await?;
    let spec = setup.spec(context, &golden, args.name.clone(), Lifetime::Named).await?;
    Ok((spec, golden.sources(&context.cancel).await))
}
