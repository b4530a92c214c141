//! The most memory that machines' processes had at one time.
//!
//! A machine's processes are those in a process namespace other than ours: the sandbox gives each machine one. Sampled
//! twice a second, so a shorter peak is missed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(500);

/// Samples memory until it is asked for its result.
pub(super) struct MemoryWatch {
    peak: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
}

impl MemoryWatch {
    pub(super) fn start() -> Self {
        let watched = Self { peak: Arc::default(), end: Arc::default() };
        let (peak, end) = (Arc::clone(&watched.peak), Arc::clone(&watched.end));
        thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                peak.fetch_max(resident(), Ordering::Relaxed);
                thread::sleep(EVERY);
            }
        });
        watched
    }

    /// Peak in bytes.
    pub(super) fn peak(self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

/// Resident bytes of all processes in machines. A process that ends meanwhile is not counted.
fn resident() -> u64 {
    let namespace = |process: &Path| fs_err::read_link(process.join("ns/pid")).ok();
    let ours = namespace(Path::new("/proc/self"));
    let processes = fs_err::read_dir("/proc").into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let theirs = processes.filter(|process| namespace(process).is_some_and(|theirs| ours.as_ref() != Some(&theirs)));
    theirs
        .filter_map(|process| fs_err::read_to_string(process.join("status")).ok())
        .filter_map(|text| bytes(&text))
        .sum()
}

fn bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn kernel_processes_have_no_memory() {
        assert_eq!(bytes("Name:\tmake\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(bytes("Name:\tkthreadd\n"), None);
    }
}
