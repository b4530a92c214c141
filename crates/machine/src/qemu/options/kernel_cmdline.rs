//! The kernel's command line: parameters for the kernel, then those for the agent, which is its `/init`.

use super::platform::Arch;
use crate::Accelerator;
use crate::agent_parameters::AgentParameters;

/// Parameters that make a kernel cheaper to translate. Measured with QEMU 7.2, Linux 6.1 and gcc 12, in processor seconds:
/// a hundred times `/bin/true` took 3.0 without them, 0.7 with the first and 0.5 with all of them; ten small
/// programs compiled and linked 9.4, 4.9 and 4.0.
const TRANSLATED: [&str; 7] = [
    // Translations are cached by address. If libraries have another address in each process, each process is translated
    // again.
    "norandmaps",
    // Pages are cleared when a process gets them; the kernel's own need not be.
    "init_on_alloc=0",
    // Hooks and accounting in every system call, which a single job does not need.
    "lsm=",
    "audit=0",
    "cgroup_disable=memory",
    "hardened_usercopy=off",
    "randomize_kstack_offset=off",
];

/// Rate of the host's time stamp counter, which a translated x86 guest reads as its own.
///
/// Otherwise the guest's kernel measures it against an emulated timer. On a busy host that measurement fails unnoticed: one
/// guest's clock ran 12.9 times too fast, and every deadline in it was 12.9 times too short.
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
    /// For the agent; `None` if it only has to show that it runs.
    pub(crate) agent: Option<AgentParameters>,
    /// For the system on the disk, if it is not ours.
    pub(crate) system: Option<String>,
}

impl KernelCmdline {
    /// All parameters, separated by blanks. None of them can contain a blank: they are names, numbers and constants.
    pub(crate) fn line(&self) -> String {
        let mut parameters: Vec<String> = self.kernel_parameters().into_iter().map(str::to_owned).collect();
        if self.is_translated_x86() {
            parameters.extend(self.tsc.map(|rate| format!("tsc_early_khz={}", rate.khz)));
        }
        parameters.extend(self.agent.iter().flat_map(AgentParameters::to_parameters));
        parameters.extend(self.system.clone());
        parameters.join(" ")
    }

    fn kernel_parameters(&self) -> Vec<&'static str> {
        let console = match self.arch {
            Arch::X86_64 => "console=ttyS0",
            Arch::Aarch64 => "console=ttyAMA0",
        };
        // A panic reboots immediately, and `-no-reboot` turns that into QEMU's exit. Mitigations and self-tests only cost
        // time in a guest that runs one job and is thrown away.
        let mut parameters = vec![console, "panic=-1", "mitigations=off", "nokaslr", "cryptomgr.notests"];
        // A cloud image takes long to start: its messages show the progress.
        if self.system.is_none() {
            parameters.insert(2, "quiet");
        }
        if self.arch == Arch::X86_64 {
            // The search for BIOS disk services; there are none.
            parameters.push("edd=off");
        }
        if self.accelerator == Accelerator::Tcg {
            parameters.extend(TRANSLATED);
        }
        if self.is_translated_x86() {
            // Translated processors run late, and Linux then takes its time stamp counter for broken and reads
            // the time from a slow device instead. QEMU derives all of them from one host clock: they agree.
            parameters.extend(["no_timer_check", "tsc=reliable"]);
        }
        parameters
    }

    fn is_translated_x86(&self) -> bool {
        (self.arch, self.accelerator) == (Arch::X86_64, Accelerator::Tcg)
    }
}
