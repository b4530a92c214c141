//! Two artifacts side by side: which entries differ, in what, and why that is likely.
//!
//! "The digests differ" helps nobody. What helps is the name of the file and the kind of thing that got into it: a time,
//! a path, an order, a measured profile.

mod cause;
mod elf;
mod explain;
mod sysconfig;
#[cfg(test)]
mod tests;

pub use cause::{BuildSurroundings, DifferenceCause};
pub use explain::{ArtifactExplanation, ChangedValue, FileChange, explain};

use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use vmbuild_archive::{ArchiveError, ContentKind, EntryContent, contents, read_files};

/// Files longer than this are compared by digest, and no cause is looked for: 64 MiB.
const LONGEST: u64 = 64 << 20;

/// One entry that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its path in the archive.
    pub path: String,
    /// In what it differs.
    pub what: What,
    /// Why, as far as can be told.
    pub cause: Option<DifferenceCause>,
}

/// In what an entry differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Only the first artifact has it.
    Missing,
    /// Only the second artifact has it.
    Extra,
    /// Its bytes.
    Contents,
    /// Its type, link target, permissions, time or owner.
    Metadata,
}

impl fmt::Display for What {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Contents => "contents",
            Self::Metadata => "metadata",
        })
    }
}

/// Every entry that differs, by path. Blocks.
pub fn differences(one: &Path, other: &Path, around: &BuildSurroundings) -> Result<Vec<Difference>, ArchiveError> {
    let (first, second) = (contents(one)?, contents(other)?);
    let paths: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let found: Vec<(&String, What)> =
        paths.into_iter().filter_map(|path| Some((path, what(first.get(path), second.get(path))?))).collect();
    let wanted: BTreeSet<&str> =
        found.iter().filter(|(_, what)| *what == What::Contents).map(|(path, _)| path.as_str()).collect();
    let [one, other] = [one, other].map(|archive| read_files(archive, |path| wanted.contains(path), LONGEST));
    let (one, other) = (one?, other?);
    let cause = |path: &String| DifferenceCause::of(path, one.get(path)?, other.get(path)?, around);
    Ok(found.into_iter().map(|(path, what)| Difference { path: path.clone(), what, cause: cause(path) }).collect())
}

fn what(one: Option<&EntryContent>, other: Option<&EntryContent>) -> Option<What> {
    match (one, other) {
        (Some(_), None) => Some(What::Missing),
        (None, Some(_)) => Some(What::Extra),
        (Some(one), Some(other)) if one == other => None,
        (
            Some(EntryContent { kind: a @ ContentKind::File { .. }, .. }),
            Some(EntryContent { kind: b @ ContentKind::File { .. }, .. }),
        ) if a != b => Some(What::Contents),
        (Some(_), Some(_)) => Some(What::Metadata),
        (None, None) => None,
    }
}
