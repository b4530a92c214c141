//! Differences between two locks, or between a lock and an installation.

use crate::{LockedPackage, PackageLock};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use vmbuild_protocol::Package;

/// One package that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// The version in the lock; `None` if it is new.
    pub old: Option<String>,
    /// The version now; `None` if it is gone.
    pub new: Option<String>,
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) if old == new => write!(f, "{} {old} with another digest", self.name),
            (Some(old), Some(new)) => write!(f, "{} {old} → {new}", self.name),
            (Some(old), None) => write!(f, "{} {old} → not offered", self.name),
            (None, Some(new)) => write!(f, "{} not in the lock → {new}", self.name),
            (None, None) => write!(f, "{} not in the lock", self.name),
        }
    }
}

/// The changes from `old` to `new`, sorted by name.
pub fn drift(old: &PackageLock, new: &PackageLock) -> Vec<PackageChange> {
    let (before, after) = (by_name(old), by_name(new));
    let names = before.keys().chain(after.keys()).copied().collect::<BTreeSet<_>>();
    let change = |name: &str| {
        let (was, is) = (before.get(name), after.get(name));
        let same = was.map(|package| package.sha256) == is.map(|package| package.sha256);
        let version = |package: Option<&&LockedPackage>| package.map(|package| package.version.clone());
        (!same).then(|| PackageChange { name: name.to_owned(), old: version(was), new: version(is) })
    };
    names.into_iter().filter_map(change).collect()
}

/// A changed kernel has another name too: both are listed.
fn by_name(lock: &PackageLock) -> BTreeMap<&str, &LockedPackage> {
    lock.all().map(|package| (package.name.as_str(), package)).collect()
}

/// The first changes in one line, for warnings.
pub fn summary(changes: &[PackageChange]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = changes.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = changes.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{}, and {more} more", shown.join(", ")) }
}

/// All changes in one line, for errors.
pub fn joined(changes: &[PackageChange]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The differences between locked packages and installed ones, sorted by name.
pub fn differences_from_installed(locked: &[&LockedPackage], installed: &[Package]) -> Vec<PackageChange> {
    let locked: BTreeMap<&str, &str> = locked.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
    let found: BTreeMap<&str, &str> = installed.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
    let names: BTreeSet<&str> = locked.keys().chain(found.keys()).copied().collect();
    let version = |map: &BTreeMap<&str, &str>, name: &str| map.get(name).map(|&version| version.to_owned());
    let change =
        |name: &str| PackageChange { name: name.to_owned(), old: version(&locked, name), new: version(&found, name) };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}
