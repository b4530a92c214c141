//! The rule for names of entries: a path below the root, and for a link a target that stays there.

use crate::error::EntryRefusal;
use std::ffi::OsString;
use std::path::{Component, Path};

/// The most permissions a file can have here: no setuid, setgid or sticky bit.
pub(crate) const MODE_BITS: u32 = 0o777;

/// The parts of a path that was found to stay inside the root. Empty for the root itself (`./`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InsidePath(Vec<OsString>);

impl InsidePath {
    /// Judges an entry's path.
    pub(crate) fn new(path: &Path) -> Result<Self, EntryRefusal> {
        if path.as_os_str().is_empty() {
            return Err(EntryRefusal::Nameless);
        }
        let parts = path.components().filter(|part| *part != Component::CurDir).map(|part| match part {
            Component::Normal(name) => Ok(name.to_owned()),
            Component::ParentDir => Err(EntryRefusal::Climbs),
            _ => Err(EntryRefusal::Absolute),
        });
        parts.collect::<Result<_, _>>().map(Self)
    }

    /// The folders above, from the root down, and the last name. `None` for the root itself.
    pub(crate) fn split(&self) -> Option<(&[OsString], &OsString)> {
        self.0.split_last().map(|(name, folders)| (folders, name))
    }

    /// Judges a symbolic link at this path.
    ///
    /// `..` may only come first in the target, and no more often than the link is deep. Entries never lie below a
    /// link, so these `..` climb real folders; the rest goes down, perhaps through other links, which obey
    /// the same rule. A `..` further on could climb from wherever another link leads, so it is refused.
    pub(crate) fn judge_symlink(&self, target: &Path) -> Result<(), EntryRefusal> {
        let depth = self.0.len().saturating_sub(1);
        let climbs = target.components().take_while(|part| *part == Component::ParentDir).count();
        let goes_down =
            target.components().skip(climbs).all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let named = !target.as_os_str().is_empty();
        if named && climbs <= depth && goes_down { Ok(()) } else { Err(EntryRefusal::LeadsOut) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_the_root_are_taken() {
        for path in ["a", "a/b", "./a", "a/./b/", "..a", "a/..b", "./"] {
            assert!(InsidePath::new(Path::new(path)).is_ok(), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        let cases = [
            ("", EntryRefusal::Nameless),
            ("/a", EntryRefusal::Absolute),
            ("//a", EntryRefusal::Absolute),
            ("..", EntryRefusal::Climbs),
            ("a/../b", EntryRefusal::Climbs),
        ];
        for (path, why) in cases {
            assert_eq!(InsidePath::new(Path::new(path)), Err(why), "{path}");
        }
    }

    #[test]
    fn symlinks_are_judged_from_where_they_lie() {
        let cases = [
            ("l", "a", true),
            ("l", "./a/b", true),
            ("d/l", "../a", true),
            ("d/e/l", "../../a", true),
            ("l", "", false),
            ("l", "..", false),
            ("l", "/etc/passwd", false),
            ("d/l", "../../a", false),
            ("d/l", "a/../../..", false),
            // Through another link, this `..` could start anywhere.
            ("d/l", "a/../b", false),
        ];
        for (link, target, taken) in cases {
            let judged = InsidePath::new(Path::new(link)).unwrap().judge_symlink(Path::new(target));
            assert_eq!(judged.is_ok(), taken, "{link} -> {target}");
        }
    }
}
