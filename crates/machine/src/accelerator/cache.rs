//! Outcomes of earlier probes.
//!
//! A cache that was deleted, is damaged or has another version is empty.

use super::probe::ProbeOutcome;
use crate::Accelerator;
use crate::qemu::QemuVersion;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vmbuild_core::store::{Store, write_atomically};

const SCHEMA: u32 = 1;

/// Time until a failure is probed again. A host that was overloaded may be quiet tomorrow.
const FAILURE_LASTS: Duration = Duration::from_hours(24);

/// Everything that a probe's outcome depends on. The guest's kernel does not matter: if one hangs, so do the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProbeKey {
    pub(crate) accelerator: Accelerator,
    /// The host's kernel, such as `6.8.0-41-generic`.
    pub(crate) kernel_release: String,
    pub(crate) qemu: QemuVersion,
    /// The host's processor, as its vendor names it.
    pub(crate) cpu_model: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeEntry {
    key: ProbeKey,
    outcome: ProbeOutcome,
    /// Seconds since the Unix epoch.
    probed_unix: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheFile {
    schema: u32,
    entries: Vec<ProbeEntry>,
}

impl ProbeKey {
    pub(crate) fn of_host(accelerator: Accelerator, qemu: QemuVersion) -> Self {
        let kernel_release = rustix::system::uname().release().to_string_lossy().into_owned();
        Self { accelerator, kernel_release, qemu, cpu_model: cpu_model() }
    }
}

/// The outcome of an earlier probe under the same conditions, if it is recent enough.
pub(crate) fn find_outcome(store: &Store, key: &ProbeKey) -> Option<ProbeOutcome> {
    find_outcome_at(store, key, now())
}

/// The outcome of the last probe of an accelerator, under any conditions, for display.
pub fn last(store: &Store, accelerator: Accelerator) -> Option<ProbeOutcome> {
    read(store).into_iter().find(|entry| entry.key.accelerator == accelerator).map(|entry| entry.outcome)
}

fn find_outcome_at(store: &Store, key: &ProbeKey, now: u64) -> Option<ProbeOutcome> {
    let entry = read(store).into_iter().find(|entry| entry.key == *key)?;
    let age = now.saturating_sub(entry.probed_unix);
    let lasts = matches!(entry.outcome, ProbeOutcome::UserSpace { .. }) || age < FAILURE_LASTS.as_secs();
    lasts.then_some(entry.outcome)
}

/// Keeps an outcome, in place of an earlier one of the same accelerator.
pub(crate) fn remember_outcome(store: &Store, key: ProbeKey, outcome: ProbeOutcome) -> io::Result<()> {
    let mut entries = read(store);
    entries.retain(|entry| entry.key.accelerator != key.accelerator);
    entries.push(ProbeEntry { key, outcome, probed_unix: now() });
    let text = serde_json::to_vec_pretty(&CacheFile { schema: SCHEMA, entries })?;
    write_atomically(&path(store), &text)
}

fn read(store: &Store) -> Vec<ProbeEntry> {
    let file = fs_err::read(path(store)).ok().and_then(|text| serde_json::from_slice::<CacheFile>(&text).ok());
    file.filter(|file| file.schema == SCHEMA).map(|file| file.entries).unwrap_or_default()
}

fn path(store: &Store) -> PathBuf {
    store.cache().join("accelerator.json")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Linux names the model on x86, and the part on ARM; elsewhere the architecture has to do.
fn cpu_model() -> String {
    let about = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let line = about.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let model = value("model name").or_else(|| value("CPU part"));
    model.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{FAILURE_LASTS, ProbeKey, ProbeOutcome, find_outcome, find_outcome_at, now, path, remember_outcome};
    use crate::Accelerator;
    use crate::qemu::QemuVersion;
    use vmbuild_core::store::Store;

    const QEMU: QemuVersion = QemuVersion { major: 7, minor: 2, micro: 22 };

    fn store() -> (tempfile::TempDir, Store) {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::at(&temp.path().join("store")).unwrap();
        (temp, store)
    }

    #[test]
    fn an_outcome_is_recalled_under_the_same_circumstances_only() {
        let (_temp, store) = store();
        let key = ProbeKey::of_host(Accelerator::Kvm, QEMU);
        assert_eq!(find_outcome(&store, &key), None, "an empty cache");
        let works = ProbeOutcome::UserSpace { millis: 900 };
        remember_outcome(&store, key.clone(), works.clone()).unwrap();
        assert_eq!(find_outcome(&store, &key), Some(works));
        for other in [
            ProbeKey { accelerator: Accelerator::Hvf, ..key.clone() },
            ProbeKey { kernel_release: "6.99".into(), ..key.clone() },
            ProbeKey { cpu_model: "another".into(), ..key.clone() },
            ProbeKey { qemu: QemuVersion { micro: 23, ..QEMU }, ..key.clone() },
        ] {
            assert_eq!(find_outcome(&store, &other), None, "{other:?}");
        }
    }

    #[test]
    fn failures_are_forgotten_after_a_day_and_successes_are_not() {
        let (_temp, store) = store();
        let key = ProbeKey::of_host(Accelerator::Kvm, QEMU);
        let later = now() + FAILURE_LASTS.as_secs() + 60;
        remember_outcome(&store, key.clone(), ProbeOutcome::Hung { seconds: 5 }).unwrap();
        assert_eq!(find_outcome(&store, &key), Some(ProbeOutcome::Hung { seconds: 5 }));
        assert_eq!(find_outcome_at(&store, &key, later), None);
        remember_outcome(&store, key.clone(), ProbeOutcome::UserSpace { millis: 1 }).unwrap();
        assert_eq!(find_outcome_at(&store, &key, later), Some(ProbeOutcome::UserSpace { millis: 1 }));
    }

    #[test]
    fn a_damaged_or_foreign_cache_is_empty() {
        let (_temp, store) = store();
        let key = ProbeKey::of_host(Accelerator::Kvm, QEMU);
        for text in ["", "{", r#"{"schema":2,"entries":[]}"#] {
            fs_err::write(path(&store), text).unwrap();
            assert_eq!(find_outcome(&store, &key), None, "{text}");
        }
        remember_outcome(&store, key.clone(), ProbeOutcome::Hung { seconds: 5 }).unwrap();
        assert_eq!(find_outcome(&store, &key), Some(ProbeOutcome::Hung { seconds: 5 }));
    }
}
