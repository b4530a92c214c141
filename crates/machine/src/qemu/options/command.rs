//! All switches together.

use super::arguments::OptionArguments;
use super::boot::{AppendSwitch, FirmwareFlash, InitrdSwitch, KernelSwitch};
use super::console::ConsoleChardev;
use super::cpu::{CpuSwitch, SmpSwitch};
use super::disk::{BlockFormat, DiskDevice, FlushMode};
use super::identity::{Name, UuidSwitch};
use super::kernel_cmdline::{KernelCmdline, TscRate};
use super::machine::{AccelSwitch, MachineSwitch, Memory};
use super::platform::{Arch, HostOs, Platform};
use super::random::VirtioRngPci;
use super::sandbox::SandboxSwitch;
use super::seed::SeedDisk;
use super::vsock::{MemoryBackendMemfd, VsockDevice};
use super::{agent_port, monitor, network};
use crate::agent_parameters::{AgentParameters, VSOCK_PORT};
use crate::{Accelerator, BootMethod, FirstBootSystem, MachineSpec, Network, RootDisk};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// Memory of a machine that only shows that a kernel starts, in MiB: kernel, modules and agent fit twice.
const PROBE_MEMORY_MIB: u64 = 512;

/// A QEMU to start, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QemuCommand {
    host: HostOs,
    name: Name,
    machine: MachineSwitch,
    smp: SmpSwitch,
    memory: Memory,
    boot: BootSource,
    console: ConsoleChardev,
    whole: Option<WholeMachine>,
}

/// Parts of a whole machine that a probe lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WholeMachine {
    uuid: UuidSwitch,
    disk: DiskDevice,
    network: Network,
    seed: Option<SeedDisk>,
    vsock: Option<VsockDevice>,
}

/// Parts of a machine that differ with what it starts from.
struct MachineParts {
    boot: BootSource,
    disk: DiskDevice,
    seed: Option<SeedDisk>,
}

/// Source of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BootSource {
    Kernel { kernel: KernelSwitch, initrd: InitrdSwitch, append: AppendSwitch },
    Uefi(FirmwareFlash),
    Bios,
}

/// Values that differ from one start of a machine to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunParameters {
    /// Random.
    pub(crate) uuid: Uuid,
    /// The host's time, since the Unix epoch.
    pub(crate) clock: Duration,
    /// This host's time stamp counter, for a guest that reads the same one.
    pub(crate) tsc: Option<TscRate>,
    /// The vsock that was made ready for this start.
    pub(crate) vsock: Option<VsockDevice>,
}

impl QemuCommand {
    /// The QEMU that runs `spec` over `root`.
    pub(crate) fn for_machine(
        spec: &MachineSpec,
        accelerator: Accelerator,
        root: &RootDisk,
        run: RunParameters,
        platform: Platform,
    ) -> Self {
        let arch = platform.arch;
        let agent = Some(AgentParameters::of(spec, run.vsock.map(|_| VSOCK_PORT), run.clock));
        let cmdline = KernelCmdline { arch, accelerator, tsc: run.tsc, agent, system: None };
        let boot = BootSource::kernel(&root.kernel, &root.initramfs, &cmdline);
        let disk = DiskDevice {
            base: root.disk.clone(),
            format: BlockFormat::Raw,
            bootindex: None,
            flush: FlushMode::of(spec.lifetime),
        };
        Self::whole(spec, accelerator, MachineParts { boot, disk, seed: None }, run, platform)
    }

    /// The QEMU that boots a cloud image.
    pub(crate) fn for_first_boot(
        spec: &MachineSpec,
        accelerator: Accelerator,
        system: &FirstBootSystem,
        run: RunParameters,
        platform: Platform,
    ) -> Self {
        let boot = BootSource::of(&system.boot, platform.arch, accelerator, run.tsc);
        let disk = DiskDevice {
            base: system.disk.clone(),
            format: BlockFormat::Qcow2,
            bootindex: BootSource::boot_index(&system.boot),
            flush: FlushMode::of(spec.lifetime),
        };
        let seed = Some(SeedDisk(system.seed.clone()));
        Self::whole(spec, accelerator, MachineParts { boot, disk, seed }, run, platform)
    }

    fn whole(
        spec: &MachineSpec,
        accelerator: Accelerator,
        MachineParts { boot, disk, seed }: MachineParts,
        run: RunParameters,
        Platform { arch, host }: Platform,
    ) -> Self {
        let uuid = UuidSwitch(run.uuid);
        let memory_backend = (run.vsock == Some(VsockDevice::VhostUser)).then_some(MemoryBackendMemfd::ID);
        Self {
            host,
            name: Name { guest: format!("vmbuild-{}", spec.name) },
            machine: MachineSwitch { arch, accelerator, memory_backend },
            smp: SmpSwitch { cpus: spec.cpus },
            memory: Memory { size_mib: spec.memory_mib },
            boot,
            console: ConsoleChardev::Log,
            whole: Some(WholeMachine { uuid, disk, network: spec.network, seed, vsock: run.vsock }),
        }
    }

    /// A QEMU that only shows whether a kernel reaches user space under `accelerator`, on its standard output.
    pub(crate) fn for_probe(
        accelerator: Accelerator,
        kernel: &Path,
        initramfs: &Path,
        Platform { arch, host }: Platform,
    ) -> Self {
        let cmdline = KernelCmdline { arch, accelerator, tsc: None, agent: None, system: None };
        Self {
            host,
            name: Name { guest: format!("vmbuild-probe-{accelerator}") },
            machine: MachineSwitch { arch, accelerator, memory_backend: None },
            smp: SmpSwitch { cpus: 1 },
            memory: Memory { size_mib: PROBE_MEMORY_MIB },
            boot: BootSource::kernel(kernel, initramfs, &cmdline),
            console: ConsoleChardev::Stdout,
            whole: None,
        }
    }

    /// The command line after the program's name. Equal machines give equal lines.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut line = OptionArguments::default();
        self.board(&mut line);
        self.boot.append_to(&mut line);
        self.console.append_to(&mut line);
        match &self.whole {
            Some(whole) => whole.append_to(&mut line),
            None => network::append_to(Network::None, &mut line),
        }
        line.into_words()
    }

    fn board(&self, line: &mut OptionArguments) {
        let MachineSwitch { arch, accelerator, memory_backend } = self.machine;
        // No user configuration, no default devices, no window. A guest that reboots has failed.
        line.flag("-no-user-config").flag("-nodefaults").flag("-no-reboot");
        line.option(&DisplaySwitch).option(&self.name);
        if self.host == HostOs::Linux {
            line.option(&SandboxSwitch);
        }
        line.option(&self.machine)
            .option(&AccelSwitch(accelerator))
            .option(&CpuSwitch { arch, accelerator })
            .option(&self.smp)
            .option(&self.memory);
        if memory_backend.is_some() {
            line.option(&MemoryBackendMemfd { size_mib: self.memory.size_mib });
        }
    }
}

impl BootSource {
    fn kernel(kernel: &Path, initrd: &Path, cmdline: &KernelCmdline) -> Self {
        let append = AppendSwitch(cmdline.line());
        Self::Kernel { kernel: KernelSwitch(kernel.to_owned()), initrd: InitrdSwitch(initrd.to_owned()), append }
    }

    fn of(way: &BootMethod, arch: Arch, accelerator: Accelerator, tsc: Option<TscRate>) -> Self {
        match way {
            BootMethod::Kernel { kernel, initrd, cmdline } => {
                let cmdline = KernelCmdline { arch, accelerator, tsc, agent: None, system: Some(cmdline.clone()) };
                Self::kernel(kernel, initrd, &cmdline)
            }
            BootMethod::Uefi { code, .. } => Self::Uefi(FirmwareFlash { code: code.clone() }),
            BootMethod::Bios => Self::Bios,
        }
    }

    /// A kernel that QEMU starts has the first turn already.
    fn boot_index(way: &BootMethod) -> Option<u32> {
        match way {
            BootMethod::Kernel { .. } => None,
            BootMethod::Uefi { .. } | BootMethod::Bios => Some(0),
        }
    }

    fn append_to(&self, line: &mut OptionArguments) {
        match self {
            Self::Kernel { kernel, initrd, append } => {
                line.option(kernel).option(initrd).option(append);
            }
            Self::Uefi(firmware) => firmware.append_to(line),
            Self::Bios => {}
        }
    }
}

impl WholeMachine {
    fn append_to(&self, line: &mut OptionArguments) {
        line.option(&self.uuid);
        monitor::append_to(line);
        agent_port::append_to(line);
        if let Some(vsock) = self.vsock {
            vsock.append_to(line);
        }
        self.disk.append_to(line);
        if let Some(seed) = &self.seed {
            seed.append_to(line);
        }
        line.option(&VirtioRngPci);
        network::append_to(self.network, line);
    }
}

/// `-display none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DisplaySwitch;

impl super::arguments::QemuOption for DisplaySwitch {
    const SWITCH: &'static str = "-display";

    fn value(&self) -> OsString {
        "none".into()
    }
}
