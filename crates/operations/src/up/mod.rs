//! `up`: starts named machines and leaves them running.

mod disk;

use crate::named::{attach, start, traced};
use crate::sweep::sweep;
use disk::{grow, refuse_disk};
use futures_util::future::{Either, select};
use std::pin::pin;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_job::{MachineRequest, MachineSetup};
use vmbuild_machine::backend::RootKind;
use vmbuild_machine::{Lifetime, Machine, MachineError, MachineFolder, MachineName, MachineSpec, MachineState};

/// Machines to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpRequest {
    /// Their names.
    pub names: Vec<MachineName>,
    /// Image, backend and size of those that do not exist yet. One that was halted gets the processors and memory.
    pub machine: MachineRequest,
    /// Size of each machine's disk in MiB; `None` is the image's, or the one it has.
    pub disk_mib: Option<u64>,
}

/// Machines that run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpOutcome {
    /// Those that were started.
    pub started: Vec<MachineName>,
    /// Those that ran already.
    pub already_running: Vec<MachineName>,
}

/// Starts the machines. One that was halted starts again from its own disk; one that runs already is left running.
pub async fn up(context: &Context, request: UpRequest) -> Result<UpOutcome, Failure> {
    sweep(context).await?;
    let mut outcome = UpOutcome { started: Vec::new(), already_running: Vec::new() };
    for name in &request.names {
        match traced(context, name, up_one(context, &request, name)).await? {
            PreviousMachine::Running => outcome.already_running.push(name.clone()),
            PreviousMachine::Halted(_) | PreviousMachine::Missing => outcome.started.push(name.clone()),
        }
    }
    Ok(outcome)
}

/// A machine before it was to be started.
enum PreviousMachine {
    Missing,
    Halted(Box<MachineSpec>),
    Running,
}

/// Starts one machine, and says how it was before.
async fn up_one(context: &Context, request: &UpRequest, name: &MachineName) -> Result<PreviousMachine, Failure> {
    let folder = MachineFolder::new(&context.store.machines(), name.clone());
    let before = look(context, &folder).await?;
    let mut made_from = None;
    let spec = match &before {
        PreviousMachine::Running => {
            context.events.note(Part::Machine, format!("{name} is already running"));
            if let Some(mib) = request.disk_mib {
                grow(context, &attach(context, name).await?, mib).await?;
            }
            return Ok(before);
        }
        PreviousMachine::Halted(spec) => {
            context.events.note(Part::Machine, format!("{name} was halted: starting it from its own disk"));
            resized(spec, &request.machine)
        }
        PreviousMachine::Missing => {
            let (spec, golden) = fresh(context, request, name).await?;
            made_from = golden;
            spec
        }
    };
    refuse_disk(request.disk_mib, spec.backend(), name)?;
    let (machine, sources) = Box::pin(start_with_sources(context, spec, made_from.as_ref())).await?;
    if let Some(sources) = sources {
        write_sources(context, &machine, &sources).await?;
    }
    if let Some(mib) = request.disk_mib {
        grow(context, &machine, mib).await?;
    }
    context.events.note(Part::Machine, format!("open a terminal in it with `vmbuild ssh {name}`"));
    Ok(before)
}

/// A machine that was halted may come back with another size.
fn resized(spec: &MachineSpec, request: &MachineRequest) -> MachineSpec {
    let cpus = request.cpus.unwrap_or(spec.cpus);
    let memory_mib = request.memory_mib.unwrap_or(spec.memory_mib);
    MachineSpec { cpus, memory_mib, ..spec.clone() }
}

async fn look(context: &Context, folder: &MachineFolder) -> Result<PreviousMachine, Failure> {
    if !folder.path().is_dir() {
        return Ok(PreviousMachine::Missing);
    }
    let record = folder.read_record().map_err(MachineError::Folder)?;
    let runs = folder.state().map_err(MachineError::Folder)? == MachineState::Running;
    if runs {
        let confirmed = match &record {
            Some(record) => record.spec.backend().backend().confirm_running(folder, &context.cancel).await?,
            None => true,
        };
        if confirmed {
            return Ok(PreviousMachine::Running);
        }
    }
    Ok(record.map_or(PreviousMachine::Missing, |record| PreviousMachine::Halted(Box::new(record.spec))))
}

/// The golden machine names no archive, so that it is the same everywhere; a person wants `apt install`.
async fn write_sources(context: &Context, machine: &Machine, sources: &str) -> Result<(), Failure> {
    let file = tempfile::NamedTempFile::new().map_err(StoreError::Io)?;
    fs_err::write(file.path(), sources).map_err(StoreError::Io)?;
    let sent = machine.session().put_file(file.path(), "/etc/apt/sources.list", 0o644, &context.cancel, |_| ());
    context.unless_interrupted(machine.ask(sent)).await??;
    Ok(())
}

/// Starts the machine. Meanwhile the host's apt is asked for its archive, which takes half a second on a quiet host.
async fn start_with_sources(
    context: &Context,
    spec: MachineSpec,
    golden: Option<&Golden>,
) -> Result<(Machine, Option<String>), Failure> {
    let asking = async { golden?.sources(&context.cancel).await };
    let (starting, asking) = (pin!(start(context, spec)), pin!(asking));
    match select(starting, asking).await {
        Either::Left((machine, asking)) => {
            let machine = machine?;
            let phase = context.events.phase(Part::Machine, "archive", "asking the host's apt");
            let sources = asking.await;
            phase.finish("");
            Ok((machine, sources))
        }
        Either::Right((sources, starting)) => Ok((starting.await?, sources)),
    }
}

/// A new machine, and the golden machine it is made from, if there is one.
async fn fresh(
    context: &Context,
    request: &UpRequest,
    name: &MachineName,
) -> Result<(MachineSpec, Option<Golden>), Failure> {
    let setup = MachineSetup::decide(context, &request.machine).await?;
    refuse_disk(request.disk_mib, setup.backend(), name)?;
    if setup.backend().backend().features().root == RootKind::Box {
        return Ok((setup.boxed(name.clone()), None));
    }
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let spec = setup.spec(context, &golden, name.clone(), Lifetime::Named).await?;
    Ok((spec, Some(golden)))
}
