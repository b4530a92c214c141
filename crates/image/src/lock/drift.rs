//! What differs between two locks, for people.

use super::file::{LockedPackage, PackageLock};
use std::collections::BTreeMap;
use std::fmt;

/// One package that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// The version in the lock; none if it is new.
    pub old: Option<String>,
    /// The version that is offered now; none if it is gone.
    pub new: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) if old == new => write!(f, "{} {old} with other bytes", self.name),
            (Some(old), Some(new)) => write!(f, "{} {old} → {new}", self.name),
            (Some(old), None) => write!(f, "{} {old} → not offered", self.name),
            (None, Some(new)) => write!(f, "{} not in the lock → {new}", self.name),
            (None, None) => write!(f, "{} not in the lock", self.name),
        }
    }
}

/// What changed from `old` to `new`, sorted by name.
pub fn drift(old: &PackageLock, new: &PackageLock) -> Vec<Change> {
    let (before, after) = (by_name(old), by_name(new));
    let names = before.keys().chain(after.keys()).copied().collect::<std::collections::BTreeSet<_>>();
    let change = |name: &str| {
        let (was, is) = (before.get(name), after.get(name));
        let same = was.map(|package| package.sha256) == is.map(|package| package.sha256);
        let version = |package: Option<&&LockedPackage>| package.map(|package| package.version.clone());
        (!same).then(|| Change { name: name.to_owned(), old: version(was), new: version(is) })
    };
    names.into_iter().filter_map(change).collect()
}

/// A changed kernel has another name too: both stand in the list.
fn by_name(lock: &PackageLock) -> BTreeMap<&str, &LockedPackage> {
    lock.all().map(|package| (package.name.as_str(), package)).collect()
}

/// The first of them in one line, for warnings.
pub(super) fn summary(changes: &[Change]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = changes.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = changes.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{}, and {more} more", shown.join(", ")) }
}
