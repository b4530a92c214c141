//! Names on both sides.

use super::CopyError;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::{Component, Path};
use vmbuild_protocol::{Entry, EntryKind};

/// What a file is called while it arrives: hidden, in its own folder, the same at each attempt. The name's hash, not
/// the name: that may be as long as names can be.
pub(super) fn arriving(name: &str) -> String {
    format!(".arriving-{}", hex::encode(&Sha256::digest(name.as_bytes())[..8]))
}

/// A path of the guest, below another. An empty one is that path itself.
pub(super) fn join(folder: &str, name: &str) -> String {
    match name {
        "" => folder.to_owned(),
        name => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}

/// A guest path's last word.
pub(super) fn last(path: &str) -> Result<&str, CopyError> {
    let word = path.trim_end_matches('/').rsplit('/').next();
    word.filter(|word| !["", ".", ".."].contains(word)).ok_or_else(|| CopyError::NoName(path.to_owned()))
}

/// A guest path's folder.
pub(super) fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

/// Refuses a list that leads out of the tree it describes. A guest is not to be trusted: a link to `/etc` followed by
/// an entry below it would write there.
pub(super) fn check(entries: &[Entry]) -> Result<(), CopyError> {
    let mut folders = HashSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = Path::new(&entry.path);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let below = if index == 0 {
            entry.path.is_empty()
        } else {
            plain && !entry.path.is_empty() && path.parent().is_some_and(|parent| folders.contains(parent))
        };
        if !below {
            return Err(CopyError::Outside(entry.path.clone()));
        }
        if entry.kind == EntryKind::Folder {
            folders.insert(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{arriving, check, folder, join, last};
    use vmbuild_protocol::{Entry, EntryKind};

    fn list(paths: &[(&str, bool)]) -> bool {
        let kind = |folder| if folder { EntryKind::Folder } else { EntryKind::Link { target: "/etc".to_owned() } };
        let entry = |&(path, folder): &(&str, bool)| Entry { path: path.to_owned(), mode: 0, kind: kind(folder) };
        check(&paths.iter().map(entry).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn only_what_lies_in_listed_folders_is_believed() {
        assert!(list(&[("", true), ("a", true), ("a/b", false), ("c", false)]));
        for bad in [
            &[("", true), ("a", false), ("a/passwd", false)][..],
            &[("", true), ("../a", false)],
            &[("", true), ("/etc/passwd", false)],
            &[("", true), ("a/../../b", false)],
            &[("", true), ("", true)],
            &[("a", false)],
        ] {
            assert!(!list(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_are_taken_apart_and_put_together() {
        assert_eq!((join("/a", "b"), join("/a/", "b"), join("/a", "")), ("/a/b".into(), "/a/b".into(), "/a".into()));
        assert_eq!((folder("/a/b"), folder("/a"), folder("/")), ("/a", "/", "/"));
        assert_eq!(
            (last("/a/b").ok(), last("/a/").ok(), last("/").ok(), last("/..").ok()),
            (Some("b"), Some("a"), None, None)
        );
        assert_ne!(arriving("a"), arriving("b"));
    }
}
