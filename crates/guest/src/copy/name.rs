//! Names on both sides.

use super::CopyError;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use vmbuild_protocol::{Entry, EntryKind};

/// The name of a file while it arrives: hidden, in its own folder, the same at each attempt. The name's hash, not
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

/// The last component of a guest path.
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
/// an entry below it would write there. Paths are compared as the text they are, so each has only one form.
pub(super) fn check_list(entries: &[Entry]) -> Result<(), CopyError> {
    let (mut folders, mut listed) = (HashSet::new(), HashSet::new());
    for (index, entry) in entries.iter().enumerate() {
        let path = entry.path.as_str();
        let refused = |why| Err(CopyError::Listing { entry: path.to_owned(), why });
        if index == 0 {
            if !path.is_empty() || matches!(entry.kind, EntryKind::Link { .. }) {
                return refused("is not the requested entry");
            }
        } else if !path.split('/').all(is_name) {
            return refused("is not a plain path");
        } else if !folders.contains(path.rsplit_once('/').map_or("", |(above, _)| above)) {
            return refused("does not lie in a folder that was listed");
        } else if !listed.insert(path) {
            return refused("is listed twice");
        }
        if entry.kind == EntryKind::Folder {
            folders.insert(path);
        }
    }
    Ok(())
}

fn is_name(part: &str) -> bool {
    !["", ".", ".."].contains(&part) && !part.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::{arriving, check_list, folder, join, last};
    use vmbuild_protocol::{Entry, EntryKind};

    fn list(paths: &[(&str, bool)]) -> bool {
        let kind = |folder| if folder { EntryKind::Folder } else { EntryKind::Link { target: "/etc".to_owned() } };
        let entry = |&(path, folder): &(&str, bool)| Entry { path: path.to_owned(), mode: 0, kind: kind(folder) };
        check_list(&paths.iter().map(entry).collect::<Vec<_>>()).is_ok()
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
            &[("", false), ("a", false)],
            &[("", false)],
            &[("", true), ("a", false), ("a/", true), ("a/file", false)],
            &[("", true), ("a", false), ("./a", true)],
            &[("", true), ("a", true), ("a//b", false)],
            &[("", true), ("a", true), ("a/./b", false)],
            &[("", true), ("a", true), ("a", false)],
            &[("", true), ("a\0", false)],
            &[("", true), ("a/b", false), ("a", true)],
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
