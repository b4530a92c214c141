//! The kernel's command line: words for the kernel, then words for the agent, which is its `/init`.

use super::command::MachineRun;
use super::platform::Arch;
use crate::{Accelerator, Lifetime, MachineSpec, Network};
use std::time::Duration;

/// What every line begins with that the agent, as `/init`, prints on the console.
pub(crate) const CONSOLE_MARK: &str = "vmbuild-agent: ";

/// The virtio-serial port the agent serves on.
pub const AGENT_PORT: &str = "org.vmbuild.agent.0";

/// The vsock port it serves on: any above the privileged ones that nothing well-known uses.
pub(crate) const VSOCK_PORT: u32 = 30_306;

/// What makes a kernel cheaper to translate. Measured with QEMU 7.2, Linux 6.1 and gcc 12, in processor seconds:
/// a hundred times `/bin/true` took 3.0 without these words, 0.7 with the first and 0.5 with all of them; ten small
/// programs compiled and linked 9.4, 4.9 and 4.0.
const TRANSLATED: [&str; 7] = [
    // A translation is found again by the address it was made for. Where every process has its libraries somewhere
    // else, every process is translated anew.
    "norandmaps",
    // Pages are cleared when they are handed to a process; the kernel's own need not be.
    "init_on_alloc=0",
    // Hooks and accounts on the way of every call, for which one job has no use.
    "lsm=",
    "audit=0",
    "cgroup_disable=memory",
    "hardened_usercopy=off",
    "randomize_kstack_offset=off",
];

/// How fast the host's time stamp counter counts, which a translated x86 guest reads as its own.
///
/// Left to itself the guest's kernel measures it against an emulated timer. On a busy host that goes wrong without
/// being noticed: a guest was seen whose clock ran 12.9 times too fast, and every deadline in it was 12.9 times too
/// short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TscRate {
    /// In kHz.
    pub(crate) khz: u32,
}

/// The whole command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelCmdline {
    pub(crate) arch: Arch,
    pub(crate) accelerator: Accelerator,
    /// How fast the guest's time stamp counter counts, where translation makes it the host's.
    pub(crate) tsc: Option<TscRate>,
    /// For the agent; none when it is only to show that it runs.
    pub(crate) machine: Option<AgentParameters>,
    /// For the system on the disk, where it is not ours.
    pub(crate) own: Option<String>,
}

/// What the agent has to know to make the guest ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentParameters {
    pub(crate) hostname: String,
    pub(crate) network: Network,
    /// The vsock port to serve on, where there is such a device.
    pub(crate) vsock_port: Option<u32>,
    /// The host's time, since the Unix epoch: a guest without a network has nobody else to ask.
    pub(crate) clock: Duration,
}

impl AgentParameters {
    /// The words for a machine. A job's host name is always the same: a random one could end up in what is built.
    pub(crate) fn of(spec: &MachineSpec, run: MachineRun) -> Self {
        let hostname = match spec.lifetime {
            Lifetime::Job => "vmbuild".to_owned(),
            Lifetime::Named => spec.name.to_string(),
        };
        Self { hostname, network: spec.network, vsock_port: run.vsock.map(|_| VSOCK_PORT), clock: run.clock }
    }

    fn words(&self) -> Vec<String> {
        let network = match self.network {
            Network::None => "none",
            Network::Outgoing => "slirp",
        };
        let mut words = vec![
            "vmbuild.root=/dev/vda".to_owned(),
            format!("vmbuild.port={AGENT_PORT}"),
            format!("vmbuild.hostname={}", self.hostname),
            format!("vmbuild.net={network}"),
            format!("vmbuild.clock={}", self.clock.as_nanos()),
        ];
        words.extend(self.vsock_port.map(|port| format!("vmbuild.vsock={port}")));
        words
    }
}

impl KernelCmdline {
    /// All words, separated by blanks. None of them can hold a blank: they are names, numbers and constants.
    pub(crate) fn line(&self) -> String {
        let mut words: Vec<String> = self.kernel_parameters().into_iter().map(str::to_owned).collect();
        if self.is_translated_x86() {
            words.extend(self.tsc.map(|rate| format!("tsc_early_khz={}", rate.khz)));
        }
        words.extend(self.machine.iter().flat_map(AgentParameters::words));
        words.extend(self.own.clone());
        words.join(" ")
    }

    fn kernel_parameters(&self) -> Vec<&'static str> {
        let console = match self.arch {
            Arch::X86_64 => "console=ttyS0",
            Arch::Aarch64 => "console=ttyAMA0",
        };
        // A panic restarts at once, and `-no-reboot` turns that into QEMU's end. What protects a kernel from its
        // users, and its self-tests, only cost time in a guest that runs one job and is thrown away.
        let mut words = vec![console, "panic=-1", "mitigations=off", "nokaslr", "cryptomgr.notests"];
        // A system of its own takes long to start: its messages show how far it is.
        if self.own.is_none() {
            words.insert(2, "quiet");
        }
        if self.arch == Arch::X86_64 {
            // The search for BIOS disk services; there are none.
            words.push("edd=off");
        }
        if self.accelerator == Accelerator::Tcg {
            words.extend(TRANSLATED);
        }
        if self.is_translated_x86() {
            // Translated processors run late, and Linux then takes its time stamp counter for broken and reads
            // the time from a slow device instead. QEMU derives all of them from one host clock: they agree.
            words.extend(["no_timer_check", "tsc=reliable"]);
        }
        words
    }

    fn is_translated_x86(&self) -> bool {
        (self.arch, self.accelerator) == (Arch::X86_64, Accelerator::Tcg)
    }
}
