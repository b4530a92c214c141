//! From machine options to a machine: golden machine, backend, size.

use super::context::Context;
use super::vagrant;
use crate::cli::MachineOptions;
use std::path::PathBuf;
use vmbuild_core::failure::Failure;
use vmbuild_image::{Golden, Image, Locking, Role};
use vmbuild_machine::accelerator::BootFiles;
use vmbuild_machine::agent_binary;
use vmbuild_machine::sandbox::works_here;
use vmbuild_machine::{
    Accelerator, Backend, BackendProbes, ChosenBackend, Lifetime, Machine, MachineName, MachineSpec, Network, Start,
    choose_backend,
};

/// Memory a machine gets at most without being told, in MiB.
const USUAL_MEMORY: u64 = 4096;

/// Everything decided about the machines of one command.
#[derive(Debug)]
pub(crate) struct Setup {
    options: MachineOptions,
    agent: PathBuf,
    chosen: ChosenBackend,
}

impl Setup {
    /// Finds image and agent and decides on the backend, which is said as an event.
    pub(crate) async fn decide(context: &Context, options: &MachineOptions) -> Result<Self, Failure> {
        Image::load(&options.image, &context.store)?;
        let agent = agent_binary::find()?;
        let boot = async || -> Result<BootFiles, Failure> {
            let golden = golden(context, options, Role::Clean, &agent).await?;
            Ok(BootFiles::from(&golden.disk(&agent, &context.events, &context.cancel).await?))
        };
        let ways = BackendProbes { boot, sandbox: async || works_here(&context.cancel).await };
        let wish = (options.backend, options.accel);
        let chosen = choose_backend(wish, &context.store, ways, &context.events, &context.cancel).await?;
        Ok(Self { options: options.clone(), agent, chosen })
    }

    /// Which backend was chosen.
    pub(crate) fn backend(&self) -> Backend {
        self.chosen.backend
    }

    /// The accelerator, under QEMU.
    pub(crate) fn accelerator(&self) -> Option<Accelerator> {
        self.chosen.accelerator
    }

    /// Whether the machines' processors are emulated.
    pub(crate) fn is_emulated(&self) -> bool {
        match self.chosen.backend {
            Backend::Vagrant => vagrant::is_emulated(),
            _ => self.chosen.accelerator == Some(Accelerator::Tcg),
        }
    }

    fn cpus(&self) -> u32 {
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        self.options.cpus.unwrap_or(u32::try_from(here).unwrap_or(1))
    }

    /// A machine's memory, in MiB.
    pub(crate) fn memory_mib(&self) -> u64 {
        let half = host_memory_mib() / 2;
        self.options.memory.unwrap_or(half.clamp(1024, USUAL_MEMORY))
    }

    /// The golden machine for a role.
    pub(crate) async fn golden(&self, context: &Context, role: Role) -> Result<Golden, Failure> {
        golden(context, &self.options, role, &self.agent).await
    }

    /// A machine of a golden machine, as data.
    pub(crate) async fn spec(
        &self,
        context: &Context,
        golden: &Golden,
        name: MachineName,
        lifetime: Lifetime,
    ) -> Result<MachineSpec, Failure> {
        let start = match self.chosen.backend {
            Backend::Sandbox => Start::Sandbox { root: golden.tree() },
            Backend::Vagrant => Start::Vagrant { source: vagrant::of_golden(context, golden, &self.agent).await? },
            Backend::Qemu => Start::Qemu {
                accelerator: self.chosen.accelerator.unwrap_or(Accelerator::Tcg),
                root: golden.disk(&self.agent, &context.events, &context.cancel).await?,
            },
        };
        Ok(self.machine(golden.image(), name, lifetime, start))
    }

    /// A named machine of somebody's box, as data.
    pub(crate) fn boxed(&self, context: &Context, name: MachineName) -> Result<MachineSpec, Failure> {
        let image = Image::load(&self.options.image, &context.store)?;
        let start = Start::Vagrant { source: vagrant::of_environment(&image) };
        Ok(self.machine(&self.options.image, name, Lifetime::Named, start))
    }

    fn machine(&self, image: &str, name: MachineName, lifetime: Lifetime, start: Start) -> MachineSpec {
        let network = match (lifetime, &start) {
            // Vagrant gives every machine one, for its own way in.
            (_, Start::Vagrant { .. }) | (Lifetime::Named, _) => Network::Outgoing,
            (Lifetime::Job, _) => Network::None,
        };
        MachineSpec {
            name,
            image: image.to_owned(),
            cpus: self.cpus(),
            memory_mib: self.memory_mib(),
            network,
            lifetime,
            agent: self.agent.clone(),
            start,
        }
    }

    /// Starts a throw-away machine of a golden machine.
    pub(crate) async fn job_machine(&self, context: &Context, golden: &Golden) -> Result<Machine, Failure> {
        let spec = self.spec(context, golden, MachineName::for_job(), Lifetime::Job).await?;
        Ok(Machine::start(spec, &context.store, &context.events, &context.cancel).await?)
    }
}

async fn golden(
    context: &Context,
    options: &MachineOptions,
    role: Role,
    agent: &std::path::Path,
) -> Result<Golden, Failure> {
    let locking = if options.locked { Locking::Locked } else { Locking::Compare };
    let Context { store, events, cancel, .. } = context;
    Ok(Golden::prepare_as(store, &options.image, (role, locking), agent, events, cancel).await?)
}

/// This host's memory in MiB, from `/proc/meminfo`; 2048 where that cannot be read.
fn host_memory_mib() -> u64 {
    let text = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(2048, |kib| kib / 1024)
}
