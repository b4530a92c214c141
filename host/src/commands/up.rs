//! `vmbuild up`: named machines, left running.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::{DiskSize, UpArgs};
use futures_util::future::{Either, select};
use std::pin::pin;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::StoreError;
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_job::MachineSetup;
use vmbuild_machine::backend::{FeatureSupport, RootKind};
use vmbuild_machine::{
    BackendKind, Lifetime, Machine, MachineError, MachineFolder, MachineName, MachineSpec, MachineState,
};

/// The machine's backend cannot grow its disk.
#[derive(Debug, thiserror::Error)]
#[error("the disk of machine {name} cannot grow: {reason}")]
struct NoDisk {
    name: MachineName,
    reason: &'static str,
    hint: &'static str,
}

impl NoDisk {
    /// Why a machine of this backend has no disk that could grow.
    fn of(backend: BackendKind, name: &MachineName) -> Option<Self> {
        match backend.backend().features().grow_disk {
            FeatureSupport::Supported => None,
            FeatureSupport::Unsupported { reason, hint } => Some(Self { name: name.clone(), reason, hint }),
        }
    }
}

impl Diagnose for NoDisk {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![self.hint.to_owned()]
    }
}

/// Starts the machines, or says that they run already; one that was halted starts again from its own disk.
pub(crate) async fn up(context: &CommandContext, args: UpArgs) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    for name in args.targets.names() {
        up_one(context, &args, name).await?;
    }
    Ok(Exit::Success.into())
}

async fn up_one(context: &CommandContext, args: &UpArgs, name: MachineName) -> Result<(), Failure> {
    let folder = MachineFolder::new(&context.store.machines(), name.clone());
    let mut made_from = None;
    let spec = match halted(context, &folder).await? {
        Before::Running => {
            context.events.note(Part::Machine, format!("{name} is running already"));
            return match args.disk {
                Some(disk) => {
                    let machine =
                        Machine::attach(&context.store, &name, &context.cancel).await?.telling(&context.events);
                    grow(context, &machine, disk).await
                }
                None => Ok(()),
            };
        }
        Before::Halted(spec) => resized(*spec, args),
        Before::Nothing => {
            let (spec, golden) = fresh(context, args, name.clone()).await?;
            made_from = golden;
            spec
        }
    };
    refuse_disk(args, spec.backend(), &name)?;
    let (machine, sources) = Box::pin(start_knowing(context, spec, made_from.as_ref())).await?;
    if let Some(sources) = sources {
        name_archive(context, &machine, &sources).await?;
    }
    if let Some(disk) = args.disk {
        grow(context, &machine, disk).await?;
    }
    context.events.note(Part::Machine, format!("`vmbuild ssh {name}` opens a terminal in it"));
    Ok(())
}

fn refuse_disk(args: &UpArgs, backend: BackendKind, name: &MachineName) -> Result<(), NoDisk> {
    match NoDisk::of(backend, name) {
        Some(refusal) if args.disk.is_some() => Err(refusal),
        _ => Ok(()),
    }
}

/// Starts a named machine and leaves it running.
pub(super) async fn start(context: &CommandContext, spec: MachineSpec) -> Result<Machine, Failure> {
    let phase = context.events.phase(Part::Machine, "boot", spec.name.to_string());
    let machine = Machine::start(spec, &context.store, &context.events, &context.cancel).await?;
    let round_trip = context.unless_interrupted(machine.ask(machine.session().ping())).await??;
    phase.finish(format!("agent answers in {:.1} ms", round_trip.as_secs_f64() * 1000.0));
    Ok(machine)
}

/// Makes the machine's disk larger, and its file system with it, while it runs.
async fn grow(context: &CommandContext, machine: &Machine, disk: DiskSize) -> Result<(), Failure> {
    let name = &machine.spec().name;
    if let Some(refusal) = NoDisk::of(machine.spec().backend(), name) {
        return Err(refusal.into());
    }
    let phase = context.events.phase(Part::Machine, "disk", name.to_string());
    let record = machine.folder().read_record().map_err(MachineError::Folder)?;
    let record = record.ok_or_else(|| MachineError::NotRunning(name.clone()))?;
    let backend = record.spec.backend().backend();
    backend.grow_disk(machine.folder(), &record, disk.mib << 20).await?;
    let bytes = machine.ask(machine.session().grow_root(&context.cancel)).await?;
    phase.finish(format!("{} MiB", bytes >> 20));
    Ok(())
}

/// A machine that was halted may come back with another size.
fn resized(spec: MachineSpec, args: &UpArgs) -> MachineSpec {
    let cpus = args.machine.cpus.unwrap_or(spec.cpus);
    let memory_mib = args.machine.memory.unwrap_or(spec.memory_mib);
    MachineSpec { cpus, memory_mib, ..spec }
}

enum Before {
    Nothing,
    Halted(Box<MachineSpec>),
    Running,
}

async fn halted(context: &CommandContext, folder: &MachineFolder) -> Result<Before, Failure> {
    if !folder.path().is_dir() {
        return Ok(Before::Nothing);
    }
    let record = folder.read_record().map_err(MachineError::Folder)?;
    let runs = folder.state().map_err(MachineError::Folder)? == MachineState::Running;
    if runs {
        let confirmed = match &record {
            Some(record) => record.spec.backend().backend().confirm_running(folder, &context.cancel).await?,
            None => true,
        };
        if confirmed {
            return Ok(Before::Running);
        }
    }
    Ok(record.map_or(Before::Nothing, |record| {
        context.events.note(Part::Machine, format!("{} was halted: starting it from its own disk", folder.name()));
        Before::Halted(Box::new(record.spec))
    }))
}

/// The golden machine names no archive, so that it is the same everywhere; a person wants `apt install`.
async fn name_archive(context: &CommandContext, machine: &Machine, sources: &str) -> Result<(), Failure> {
    let file = tempfile::NamedTempFile::new().map_err(StoreError::Io)?;
    fs_err::write(file.path(), sources).map_err(StoreError::Io)?;
    let sent = machine.session().put_file(file.path(), "/etc/apt/sources.list", 0o644, &context.cancel, |_| ());
    context.unless_interrupted(machine.ask(sent)).await??;
    Ok(())
}

/// Starts the machine. Meanwhile the host's apt says where the archive is: that takes it half a second on a quiet host.
async fn start_knowing(
    context: &CommandContext,
    spec: MachineSpec,
    golden: Option<&Golden>,
) -> Result<(Machine, Option<String>), Failure> {
    let (starting, asking) = (pin!(start(context, spec)), pin!(archive_of(context, golden)));
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

async fn archive_of(context: &CommandContext, golden: Option<&Golden>) -> Option<String> {
    golden?.sources(&context.cancel).await
}

/// The machine, and what its golden machine was, if it has one.
async fn fresh(
    context: &CommandContext,
    args: &UpArgs,
    name: MachineName,
) -> Result<(MachineSpec, Option<Golden>), Failure> {
    let setup = MachineSetup::decide(context, &args.machine.request()).await?;
    refuse_disk(args, setup.backend(), &name)?;
    if setup.backend().backend().features().root == RootKind::Box {
        return Ok((setup.boxed(name), None));
    }
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let spec = setup.spec(context, &golden, name, Lifetime::Named).await?;
    Ok((spec, Some(golden)))
}
