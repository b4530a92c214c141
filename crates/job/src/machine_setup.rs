//! From a machine request to machines: image, golden machine, backend and size, each resolved once.

use crate::vagrant_box::{self, VagrantRequest};
use std::path::PathBuf;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_image::{Golden, GoldenRequest, GoldenRole, Image, LockMode};
use vmbuild_machine::accelerator::BootFiles;
use vmbuild_machine::agent_binary;
use vmbuild_machine::backend::{Emulation, MachineRoot, RootKind};
use vmbuild_machine::{
    Accelerator, BackendChoice, BackendKind, BackendRequest, ChosenBackend, Lifetime, Machine, MachineName,
    MachineSpec, Network, StartSource, choose_backend,
};

/// Default memory of a machine in MiB: half of the host's, within these bounds.
pub const DEFAULT_MEMORY_MIB: std::ops::RangeInclusive<u64> = 1024..=4096;

/// Machine options as a user gives them; `None` is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRequest {
    /// Name of an image, or path of an image file.
    pub image: String,
    /// True if the image must be made of exactly the packages its lock names.
    pub locked: bool,
    /// Backend to use.
    pub backend: BackendChoice,
    /// Accelerator to use without probing it first.
    pub accelerator: Option<Accelerator>,
    /// Processors per machine.
    pub cpus: Option<u32>,
    /// Memory per machine, in MiB.
    pub memory_mib: Option<u64>,
    /// Options of Vagrant machines.
    pub vagrant: VagrantRequest,
}

/// Everything decided about the machines of one operation.
#[derive(Debug)]
pub struct MachineSetup {
    image: Image,
    /// Its name or path, as it was asked for.
    image_source: String,
    locking: LockMode,
    cpus: u32,
    memory_mib: u64,
    vagrant: VagrantRequest,
    agent: PathBuf,
    chosen: ChosenBackend,
}

impl MachineSetup {
    /// Finds image and agent and chooses the backend; the choice is emitted as an event.
    pub async fn decide(context: &Context, request: &MachineRequest) -> Result<Self, Failure> {
        let image = Image::load(&request.image, &context.store)?;
        Self::of_image(context, image, request).await
    }

    /// The same for an image that the caller has loaded.
    pub async fn of_image(context: &Context, image: Image, request: &MachineRequest) -> Result<Self, Failure> {
        let agent = agent_binary::find()?;
        let locking = if request.locked { LockMode::Locked } else { LockMode::Compare };
        let boot = async || -> Result<BootFiles, Failure> {
            let golden = prepare(context, &image, GoldenRole::Clean, locking, &agent).await?;
            Ok(BootFiles::from(&golden.disk(&agent, &context.events, &context.cancel).await?))
        };
        let wanted = BackendRequest { backend: request.backend, accelerator: request.accelerator };
        let chosen = choose_backend(wanted, &context.store, boot, &context.events, &context.cancel).await?;
        let cpus = request.cpus.unwrap_or_else(host_cpus);
        let memory_mib = request.memory_mib.unwrap_or_else(default_memory_mib);
        let vagrant = request.vagrant.clone();
        let image_source = request.image.clone();
        Ok(Self { image, image_source, locking, cpus, memory_mib, vagrant, agent, chosen })
    }

    /// Which backend was chosen.
    pub fn backend(&self) -> BackendKind {
        self.chosen.backend
    }

    /// The accelerator, under QEMU.
    pub fn accelerator(&self) -> Option<Accelerator> {
        self.chosen.accelerator
    }

    /// True if the machines' processors are emulated.
    pub fn is_emulated(&self) -> bool {
        match self.chosen.backend.backend().features().emulation {
            Emulation::Never => false,
            Emulation::ByProvider => self.vagrant.is_emulated(),
            Emulation::ByAccelerator => self.chosen.accelerator == Some(Accelerator::Tcg),
        }
    }

    /// Memory of each machine, in MiB.
    pub fn memory_mib(&self) -> u64 {
        self.memory_mib
    }

    /// The golden machine for a role.
    pub async fn golden(&self, context: &Context, role: GoldenRole) -> Result<Golden, Failure> {
        prepare(context, &self.image, role, self.locking, &self.agent).await
    }

    /// A machine of a golden machine, as data.
    pub async fn spec(
        &self,
        context: &Context,
        golden: &Golden,
        name: MachineName,
        lifetime: Lifetime,
    ) -> Result<MachineSpec, Failure> {
        let root = match self.chosen.backend.backend().features().root {
            RootKind::Tree => MachineRoot::Tree(golden.tree()),
            RootKind::Box => {
                MachineRoot::Box(vagrant_box::of_golden(context, golden, &self.vagrant, &self.agent).await?)
            }
            RootKind::Disk => MachineRoot::Disk(golden.disk(&self.agent, &context.events, &context.cancel).await?),
        };
        let start = self.chosen.start_from(root)?;
        Ok(self.machine(golden.image(), name, lifetime, start))
    }

    /// A named machine of somebody's box, as data.
    pub fn boxed(&self, name: MachineName) -> MachineSpec {
        let start = StartSource::Vagrant { source: self.vagrant.named_box(&self.image) };
        self.machine(&self.image_source, name, Lifetime::Named, start)
    }

    fn machine(&self, image: &str, name: MachineName, lifetime: Lifetime, start: StartSource) -> MachineSpec {
        let network = match lifetime {
            Lifetime::Job if !self.chosen.backend.backend().features().needs_network => Network::None,
            Lifetime::Job | Lifetime::Named => Network::Outgoing,
        };
        MachineSpec {
            name,
            image: image.to_owned(),
            cpus: self.cpus,
            memory_mib: self.memory_mib,
            network,
            lifetime,
            agent: self.agent.clone(),
            start,
        }
    }

    /// Starts a throw-away machine of a golden machine.
    pub async fn job_machine(&self, context: &Context, golden: &Golden) -> Result<Machine, Failure> {
        let spec = self.spec(context, golden, MachineName::for_job(), Lifetime::Job).await?;
        Ok(Machine::start(spec, &context.store, &context.events, &context.cancel).await?)
    }
}

async fn prepare(
    context: &Context,
    image: &Image,
    role: GoldenRole,
    locking: LockMode,
    agent: &std::path::Path,
) -> Result<Golden, Failure> {
    let Context { store, events, cancel } = context;
    Ok(Golden::prepare_as(store, GoldenRequest { image, role, mode: locking }, agent, events, cancel).await?)
}

fn host_cpus() -> u32 {
    let here = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(here).unwrap_or(1)
}

/// Half of the host's memory, or the least where that cannot be read.
fn default_memory_mib() -> u64 {
    let total = sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    });
    (total / (1 << 20) / 2).clamp(*DEFAULT_MEMORY_MIB.start(), *DEFAULT_MEMORY_MIB.end())
}
