//! From the start of the agent as `/init` to a guest that can serve.

use super::cmdline::{Cmdline, NetworkMode};
use super::console::log_line;
use super::deferred::{DeferredSetup, bring_up};
use super::error::InitError;
use super::{disk, modules, mounts, network, port};
use crate::failure::error_chain;
use crate::guest::GuestSystem;
use rustix::time::{ClockId, Timespec, clock_settime};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A guest that is ready to serve, under a kernel of its own.
#[derive(Debug)]
pub struct PreparedMachine {
    /// Device of the virtio-serial port to serve on, such as `/dev/vport1p1`.
    pub port: PathBuf,
    /// vsock port to serve on as well, where the machine has such a device.
    pub vsock: Option<u32>,
    /// Setup that continues while the agent serves.
    pub late: DeferredSetup,
    /// The guest, which is complete after that.
    pub guest: GuestSystem,
}

/// Makes a guest ready, as `/init` of its initramfs. Logs each phase to the console. Afterwards the root disk is
/// `/`, and this must be done once at most.
pub async fn prepare() -> Result<PreparedMachine, InitError> {
    power_off_on_panic();
    mounts::early()?;
    log_line(&format!("{} starts", vmbuild_protocol::BUILD_ID));
    let cmdline = Cmdline::parse(&fs_err::read_to_string("/proc/cmdline")?)?;
    set_clock(cmdline.clock)?;
    let (now, late) = modules::open_all(Path::new(modules::FOLDER))?;
    let summary = format!("{} kernel modules loaded, {} later", now.len(), late.len());
    modules::load_all(now)?;
    log_line(&summary);
    disk::wait_for(&cmdline.root).await?;
    mounts::switch_root(&cmdline.root)?;
    log_line(&format!("{} is the root file system", cmdline.root));
    set_hostname(cmdline.hostname.as_deref())?;
    let port = port::wait_for(&cmdline.port).await?;
    log_line(&format!("serving on {} ({})", port.display(), cmdline.port));
    let (late, guest) = DeferredSetup::defer(late, cmdline.net);
    Ok(PreparedMachine { port, vsock: cmdline.vsock, late, guest })
}

/// Makes a sandbox ready. Its host has made the mounts and chosen the host name.
pub async fn prepare_sandbox() -> Result<(), InitError> {
    network::loopback_up().await
}

/// Prepares a system with its own first process: the network, if the system leaves that to the agent. Returns the port's
/// device. The system's own name server file is kept under another name, for the host to put back.
pub async fn prepare_service(name: &str, net: NetworkMode) -> Result<PathBuf, InitError> {
    log_line(&format!("{} starts as a service", vmbuild_protocol::BUILD_ID));
    if net == NetworkMode::Slirp {
        network::keep_name_server()?;
        bring_up(net).await?;
    }
    let port = port::wait_for(name).await?;
    log_line(&format!("serving on {} ({name})", port.display()));
    Ok(port)
}

/// Ends an agent that cannot continue under its kernel: logs the error and powers the machine off.
pub fn fatal(error: &(dyn std::error::Error + 'static)) -> ! {
    log_line(&format!("fatal: {}", error_chain(error)));
    crate::power::power_off()
}

/// A panic would end process 1, and with it the kernel, in a dump that hides the reason.
fn power_off_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        log_line(&format!("fatal: {}", panic.to_string().replace('\n', " ")));
        crate::power::power_off()
    }));
}

fn set_clock(time: Option<Duration>) -> Result<(), InitError> {
    let Some(time) = time else { return Ok(()) };
    let time = Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() };
    clock_settime(ClockId::Realtime, time).map_err(|error| InitError::Set { what: "clock", source: error.into() })
}

fn set_hostname(name: Option<&str>) -> Result<(), InitError> {
    let Some(name) = name else { return Ok(()) };
    let set = rustix::system::sethostname(name.as_bytes());
    set.map_err(|error| InitError::Set { what: "host name", source: error.into() })
}
