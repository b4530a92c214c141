//! From machine options to a machine: golden machine, backend, size.

use super::context::Context;
use crate::agent_binary;
use crate::cli::MachineOptions;
use crate::event::Part;
use crate::failure::Failure;
use crate::image::{Golden, Role};
use crate::machine::{
    Accelerator, Backend, Chosen, Lifetime, Machine, MachineName, MachineSpec, Network, Start, choose_backend,
};
use std::path::PathBuf;

/// Memory a machine gets at most without being told, in MiB.
const USUAL_MEMORY: u64 = 4096;

/// Everything decided about the machines of one command.
#[derive(Debug)]
pub(crate) struct Setup {
    options: MachineOptions,
    agent: PathBuf,
    chosen: Chosen,
}

impl Setup {
    /// Finds the agent, decides on the backend and says why.
    pub(crate) async fn decide(context: &Context, options: &MachineOptions) -> Result<Self, Failure> {
        let agent = agent_binary::find()?;
        let probe_boot = async || -> Result<_, Failure> {
            let golden =
                Golden::prepare(&context.store, &options.image, Role::Clean, &agent, &context.events, &context.cancel)
                    .await?;
            Ok(golden.disk(&agent, &context.events, &context.cancel).await?)
        };
        let chosen = choose_backend(
            options.backend,
            options.accel,
            &context.store,
            probe_boot,
            &context.events,
            &context.cancel,
        )
        .await?;
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

    /// Processors per machine.
    pub(crate) fn cpus(&self) -> u32 {
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        self.options.cpus.unwrap_or(u32::try_from(here).unwrap_or(1))
    }

    fn memory_mib(&self) -> u64 {
        let half = host_memory_mib() / 2;
        self.options.memory.unwrap_or(half.clamp(1024, USUAL_MEMORY))
    }

    /// The golden machine for a role.
    pub(crate) async fn golden(&self, context: &Context, role: Role) -> Result<Golden, Failure> {
        let Context { store, events, cancel, .. } = context;
        Ok(Golden::prepare(store, &self.options.image, role, &self.agent, events, cancel).await?)
    }

    /// A machine of a golden machine, as data.
    pub(crate) async fn spec(
        &self,
        context: &Context,
        golden: &Golden,
        name: MachineName,
        lifetime: Lifetime,
    ) -> Result<MachineSpec, Failure> {
        let start = match (self.chosen.backend, self.chosen.accelerator) {
            (Backend::Sandbox, _) => Start::Sandbox { root: golden.tree() },
            (Backend::Qemu, accelerator) => Start::Qemu {
                accelerator: accelerator.unwrap_or(Accelerator::Tcg),
                root: golden.disk(&self.agent, &context.events, &context.cancel).await?,
            },
        };
        let network = match lifetime {
            Lifetime::Job => Network::None,
            Lifetime::Named => Network::Outgoing,
        };
        Ok(MachineSpec {
            name,
            image: golden.image().to_owned(),
            cpus: self.cpus(),
            memory_mib: self.memory_mib(),
            network,
            lifetime,
            agent: self.agent.clone(),
            start,
        })
    }

    /// Starts a throw-away machine of a role.
    pub(crate) async fn job_machine(&self, context: &Context, golden: &Golden) -> Result<Machine, Failure> {
        let spec = self.spec(context, golden, MachineName::for_job(), Lifetime::Job).await?;
        Ok(Machine::start(&spec, &context.store, &context.events, &context.cancel).await?)
    }

    /// Says what was chosen.
    pub(crate) fn announce(&self, context: &Context) {
        let what = match self.chosen.accelerator {
            Some(accelerator) => format!("{} + {accelerator}", self.chosen.backend),
            None => self.chosen.backend.to_string(),
        };
        let size = format!("{} CPUs, {} MB", self.cpus(), self.memory_mib());
        context.events.emit(crate::event::Kind::Chose {
            part: Part::Machine,
            what: format!("{what}  {size}"),
            why: self.chosen.why.clone(),
        });
    }
}

/// This host's memory in MiB, from `/proc/meminfo`; 2048 where that cannot be read.
fn host_memory_mib() -> u64 {
    let text = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(2048, |kib| kib / 1024)
}
