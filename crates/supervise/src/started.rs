//! Which processes were started here.
//!
//! A program that adopts orphans (process 1, or a subreaper) must reap them, but must not reap a child that a
//! [`Child`](crate::Child) still waits for: the wait would find nothing, and the child's status would be lost.
//! The kernel does not distinguish the two, so every [`Child`](crate::Child) is listed here while it exists.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

static STARTED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Returns whether this process belongs to a live [`Child`](crate::Child), running or not yet waited for.
///
/// Ask from the thread that starts processes: a child is listed in the same step that starts it, so on that
/// thread there is no moment in which it exists unlisted.
pub fn is_started(pid: u32) -> bool {
    started().contains(&pid)
}

/// Lists a process as long as it lives.
#[derive(Debug)]
pub(crate) struct ListedChild(Option<u32>);

impl ListedChild {
    pub(crate) fn new(pid: Option<u32>) -> Self {
        if let Some(pid) = pid {
            started().insert(pid);
        }
        Self(pid)
    }
}

impl Drop for ListedChild {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            started().remove(&pid);
        }
    }
}

fn started() -> MutexGuard<'static, BTreeSet<u32>> {
    // A set of numbers has no half-done state that a panic could leave behind.
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::is_started;
    use crate::Command;

    #[tokio::test(flavor = "current_thread")]
    async fn a_child_is_listed_until_it_is_dropped() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id().unwrap();
        assert!(is_started(pid));
        child.wait().await.unwrap();
        assert!(is_started(pid), "its number cannot mislead a reaper before the child is dropped");
        drop(child);
        assert!(!is_started(pid));
    }
}
