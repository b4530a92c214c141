//! Contents of an archive, in a form that can be compared.

use crate::digest::HashReader;
use crate::error::{ArchiveError, io};
use crate::list::{drain, open};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// The properties of an entry by which two are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryContent {
    /// Its kind.
    pub kind: ContentKind,
    /// Permissions.
    pub mode: u32,
    /// Seconds since the Unix epoch.
    pub mtime: u64,
    /// Owner and group.
    pub owner: (u64, u64),
}

/// Kinds of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentKind {
    /// A file.
    File {
        /// Length in bytes.
        bytes: u64,
        /// SHA-256 of its bytes.
        sha256: [u8; 32],
    },
    /// A symbolic or hard link to this.
    Link(Vec<u8>),
    /// A folder, or anything else without contents.
    Other(u8),
}

/// Every entry by its path; bytes of a path that are not UTF-8 are replaced.
pub fn contents(archive: &Path) -> Result<BTreeMap<String, EntryContent>, ArchiveError> {
    let mut reader = open(archive)?;
    let mut found = BTreeMap::new();
    for entry in reader.entries().map_err(io("read", archive))? {
        let mut entry = entry.map_err(io("read", archive))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        found.insert(path, content(&mut entry).map_err(io("read", archive))?);
    }
    drain(reader).map_err(io("read", archive))?;
    Ok(found)
}

fn content(entry: &mut tar::Entry<'_, impl Read>) -> std::io::Result<EntryContent> {
    let header = entry.header();
    let (mode, mtime, owner) = (header.mode()?, header.mtime()?, (header.uid()?, header.gid()?));
    let kind = match entry.link_name_bytes() {
        Some(target) => ContentKind::Link(target.into_owned()),
        None if entry.header().entry_type().is_file() => file(entry)?,
        None => ContentKind::Other(entry.header().entry_type().as_byte()),
    };
    Ok(EntryContent { kind, mode, mtime, owner })
}

fn file(entry: &mut impl Read) -> std::io::Result<ContentKind> {
    let mut hashed = HashReader::new(entry);
    std::io::copy(&mut hashed, &mut std::io::sink())?;
    let (bytes, sha256) = hashed.finish();
    Ok(ContentKind::File { bytes, sha256 })
}

/// The bytes of those files that are wanted and no longer than `longest`, by path.
pub fn read_files(
    archive: &Path,
    wanted: impl Fn(&str) -> bool,
    longest: u64,
) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
    let mut reader = open(archive)?;
    let mut found = BTreeMap::new();
    for entry in reader.entries().map_err(io("read", archive))? {
        let mut entry = entry.map_err(io("read", archive))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() && entry.size() <= longest && wanted(&path) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(io("read", archive))?;
            found.insert(path, bytes);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack_tree;
    use sha2::{Digest, Sha256};
    use std::os::unix::fs::symlink;

    #[test]
    fn entries_are_seen_with_what_tells_them_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (root, archive) = (folder.path().join("tree"), folder.path().join("a.tgz"));
        fs_err::create_dir_all(root.join("opt")).unwrap();
        fs_err::write(root.join("opt/file"), "abc").unwrap();
        fs_err::write(root.join("opt/long"), "x".repeat(100)).unwrap();
        symlink("file", root.join("opt/link")).unwrap();
        pack_tree(&root, &archive, 7).unwrap();
        let found = contents(&archive).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["opt/", "opt/file", "opt/link", "opt/long"]);
        let file = &found["opt/file"];
        assert_eq!((file.mode, file.mtime, file.owner), (0o644, 7, (0, 0)));
        let sha256 = Sha256::digest("abc").into();
        assert_eq!(file.kind, ContentKind::File { bytes: 3, sha256 });
        assert_eq!(found["opt/link"].kind, ContentKind::Link(b"file".to_vec()));
        assert_eq!(found["opt/"].kind, ContentKind::Other(b'5'));
        let read = read_files(&archive, |path| path.starts_with("opt/"), 50).unwrap();
        assert_eq!(read, BTreeMap::from([("opt/file".to_owned(), b"abc".to_vec())]));
    }
}
