//! The facts, from the kernel and the package manager.

use super::{limits, os_release};
use crate::failure::chain_failure;
use crate::failure::io_failure;
use crate::guest::GuestSystem;
use crate::packages;
use std::ffi::CStr;
use std::time::{SystemTime, UNIX_EPOCH};
use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{Clock, Facts, Mounted, RequestFailure};

/// Describes the guest.
pub async fn facts(guest: &GuestSystem) -> Result<Facts, RequestFailure> {
    let cancel = CancellationToken::new();
    let packages = packages::installed(&cancel).await?;
    let name = rustix::system::uname();
    let system = System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_frequency())
            .with_memory(MemoryRefreshKind::nothing().with_ram()),
    )
    .map_err(|error| chain_failure(&error))?;
    let (memory_bytes, memory_available_bytes) =
        memory(&system, limits::memory().into_iter().chain(guest.memory_limit()).min());
    Ok(Facts {
        os: os_release::pretty_name(),
        kernel: text(name.release()),
        arch: text(name.machine()),
        hostname: text(name.nodename()),
        cpus: cpus(),
        cpu_model: system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        memory_bytes,
        memory_available_bytes,
        disk_free_bytes: free_bytes()?,
        uptime_seconds: System::uptime().map_err(|error| chain_failure(&error))?,
        agent_uptime_seconds: own_uptime(),
        is_init: guest.is_init(),
        clock: now(),
        mounts: mounts(),
        packages,
        compiler: compiler(&cancel).await,
    })
}

fn text(from: &CStr) -> String {
    from.to_string_lossy().into_owned()
}

/// Total and available memory, as far as a control group lets us have it.
fn memory(system: &System, limit: Option<u64>) -> (u64, u64) {
    let limit = limit.unwrap_or(u64::MAX);
    (system.total_memory().min(limit), system.available_memory().min(limit))
}

/// The processors this process may run on; at least one, on which it just ran.
fn cpus() -> u32 {
    rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count()).max(1)
}

fn free_bytes() -> Result<u64, RequestFailure> {
    let stat = rustix::fs::statvfs("/").map_err(|error| io_failure(&error.into()))?;
    Ok(stat.f_bavail * stat.f_frsize)
}

fn own_uptime() -> u64 {
    let (Ok(pid), Ok(mut system)) = (sysinfo::get_current_pid(), System::new()) else { return 0 };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing());
    system.process(pid).map_or(0, sysinfo::Process::run_time)
}

/// A clock before 1970 counts as 1970; after the year 2554 nanoseconds no longer fit.
fn now() -> Clock {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Clock { unix_nanos: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX) }
}

fn mounts() -> Vec<Mounted> {
    let Ok(disks) = Disks::new_with_refreshed_list() else { return Vec::new() };
    let mounted = disks.iter().map(|disk| Mounted {
        path: disk.mount_point().to_string_lossy().into_owned(),
        kind: disk.file_system().to_string_lossy().into_owned(),
        size_bytes: disk.total_space(),
        free_bytes: disk.available_space(),
    });
    mounted.filter(|mount| mount.size_bytes > 0).collect()
}

/// A guest without a compiler is a clean one: that is an answer, not a failure.
async fn compiler(cancel: &CancellationToken) -> String {
    let text = packages::query_text(&["cc", "--version"], cancel).await.unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::facts;
    use crate::guest::GuestSystem;

    #[tokio::test(flavor = "current_thread")]
    async fn this_machine_is_described() {
        let guest = GuestSystem::complete(false);
        let facts = facts(&guest).await.unwrap();
        assert!(facts.cpus >= 1 && facts.memory_bytes > 1 << 20 && facts.clock.unix_nanos > 1 << 60, "{facts:?}");
        assert!(facts.memory_available_bytes <= facts.memory_bytes, "{facts:?}");
        assert!(facts.uptime_seconds >= facts.agent_uptime_seconds, "{facts:?}");
        let fields = [&facts.os, &facts.kernel, &facts.arch, &facts.hostname];
        assert!(fields.iter().all(|field| !field.is_empty()), "{facts:?}");
        let release = fs_err::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(facts.kernel, release.trim());
        assert!(!facts.is_init);
        let limited = guest.with_memory_limit(Some(1 << 20));
        let facts = super::facts(&limited).await.unwrap();
        assert_eq!((facts.memory_bytes, facts.memory_available_bytes), (1 << 20, 1 << 20));
    }
}
