//! Free disk space and memory.

use std::path::Path;
use vmbuild_core::finding::Finding;

/// A golden machine, a job and its artifact take about this much.
const DISK: u64 = 10_000_000_000;
/// A job machine's memory, and some for the host.
const MEMORY: u64 = 5_000_000_000;

pub(super) fn disk(store: &Path) -> Finding {
    // A store that does not exist yet will be on its parents' file system.
    let there = store.ancestors().find(|folder| folder.exists()).unwrap_or(store);
    match rustix::fs::statvfs(there) {
        Ok(stat) => disk_of(stat.f_bavail.saturating_mul(stat.f_frsize), store),
        Err(error) => Finding::fail("disk", format!("{}: {error}", store.display()), "set VMBUILD_HOME"),
    }
}

fn disk_of(free: u64, store: &Path) -> Finding {
    let text = format!("{} free in the store, {}", gigabytes(free), store.display());
    if free >= DISK { Finding::ok("disk", text) } else { Finding::warn("disk", text, "`vmbuild clean` frees space") }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

pub(super) fn memory() -> Finding {
    let table = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    match available(&table) {
        Some(bytes) => memory_of(bytes),
        None => Finding::warn("memory", "unknown: /proc/meminfo has no MemAvailable", "see `free`"),
    }
}

fn memory_of(available: u64) -> Finding {
    let text = format!("{} available", gigabytes(available));
    if available >= MEMORY {
        Finding::ok("memory", text)
    } else {
        Finding::warn("memory", text, "a virtual machine needs 4 GB: free some memory, or use `--backend sandbox`")
    }
}

/// Bytes the kernel would give without swapping (proc(5): the table is in KiB).
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmbuild_core::finding::FindingStatus;

    #[test]
    fn little_room_is_a_warning() {
        let disk = |free| disk_of(free, Path::new("/store")).status;
        assert_eq!((disk(80_000_000_000), disk(9_999_999_999)), (FindingStatus::Ok, FindingStatus::Warn));
        assert_eq!(
            (memory_of(16_000_000_000).status, memory_of(1_000_000).status),
            (FindingStatus::Ok, FindingStatus::Warn)
        );
    }

    #[test]
    fn meminfo() {
        let check = |text, expect| assert_eq!(available(text), expect);
        check("MemTotal: 10 kB\nMemAvailable:   2048 kB\n", Some(2_097_152));
        check("MemTotal: 10 kB\n", None);
        check("MemAvailable: much kB", None);
    }
}
