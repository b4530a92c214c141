//! Archives that want to write elsewhere: each is refused, and nothing is written outside the folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

use flate2::Compression;
use flate2::write::GzEncoder;
use std::path::Path;
use tar::{Builder, EntryType, Header};
use vmbuild_archive::{ArchiveError, EntryRefusal, unpack};

/// An entry: its kind, its name, and the link's target or the file's contents.
type Raw = (EntryType, &'static str, &'static str);

const FILE: EntryType = EntryType::Regular;
const FOLDER: EntryType = EntryType::Directory;
const SYMLINK: EntryType = EntryType::Symlink;
const LINK: EntryType = EntryType::Link;

/// Writes headers byte by byte: the tar crate would refuse these names too.
fn archive(at: &Path, entries: &[Raw]) {
    let mut builder = Builder::new(GzEncoder::new(fs_err::File::create(at).unwrap(), Compression::fast()));
    for (kind, name, text) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        header.set_mtime(0);
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        let contents = if *kind == FILE { text.as_bytes() } else { b"" };
        if *kind != FILE {
            old.linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_size(contents.len() as u64);
        header.set_cksum();
        builder.append(&header, contents).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

/// Unpacks into `outer/inner`; `outer` also has a folder and a file that must stay as they are.
fn check(entries: &[Raw], expect: EntryRefusal) {
    let outer = tempfile::tempdir().unwrap();
    let (inner, tgz) = (outer.path().join("inner"), outer.path().join("a.tgz"));
    fs_err::create_dir(&inner).unwrap();
    fs_err::create_dir(outer.path().join("target")).unwrap();
    fs_err::write(outer.path().join("secret"), "secret").unwrap();
    archive(&tgz, entries);
    match unpack(&tgz, &inner) {
        Err(ArchiveError::Refused { entry, why, .. }) => {
            assert_eq!((entry.as_str(), why), (entries.last().unwrap().1, expect), "{entries:?}");
        }
        other => panic!("{entries:?}: {other:?}"),
    }
    assert_eq!(fs_err::read_dir(outer.path()).unwrap().count(), 4, "{entries:?}");
    assert_eq!(fs_err::read_dir(outer.path().join("target")).unwrap().count(), 0, "{entries:?}");
    assert_eq!(fs_err::read_to_string(outer.path().join("secret")).unwrap(), "secret");
}

#[test]
fn names_that_leave_the_tree() {
    check(&[(FILE, "/tmp/vmbuild-hostile", "x")], EntryRefusal::Absolute);
    check(&[(FILE, "../evil", "x")], EntryRefusal::Climbs);
    check(&[(FOLDER, "a/", ""), (FILE, "a/../../evil", "x")], EntryRefusal::Climbs);
    check(&[(FOLDER, "..", "")], EntryRefusal::Climbs);
    check(&[(FILE, "./", "x")], EntryRefusal::Nameless);
}

#[test]
fn links_that_leave_the_tree() {
    check(&[(SYMLINK, "l", "/etc/passwd")], EntryRefusal::LeadsOut);
    check(&[(SYMLINK, "l", "../target")], EntryRefusal::LeadsOut);
    check(&[(SYMLINK, "l", "")], EntryRefusal::LeadsOut);
    check(&[(SYMLINK, "a/b/up", "../.."), (SYMLINK, "l", "a/b/up/../target")], EntryRefusal::LeadsOut);
    check(&[(LINK, "l", "/etc/passwd")], EntryRefusal::LeadsOut);
    check(&[(LINK, "l", "../secret")], EntryRefusal::LeadsOut);
    check(&[(LINK, "l", "nothing")], EntryRefusal::NoSuchFile);
    check(&[(SYMLINK, "s", "a"), (LINK, "l", "s")], EntryRefusal::NoSuchFile);
}

#[test]
fn writing_through_what_an_earlier_entry_put_there() {
    check(&[(FOLDER, "d/", ""), (SYMLINK, "l", "d"), (FILE, "l/evil", "x")], EntryRefusal::NotBelowFolder);
    check(&[(FILE, "f", "x"), (FILE, "f/evil", "x")], EntryRefusal::NotBelowFolder);
    check(&[(FILE, "f", "x"), (SYMLINK, "l", "f"), (FILE, "l", "y")], EntryRefusal::Twice);
}

#[test]
fn entries_that_come_twice() {
    check(&[(FILE, "f", "x"), (FILE, "f", "y")], EntryRefusal::Twice);
    check(&[(FILE, "f", "x"), (FOLDER, "f/", "")], EntryRefusal::Twice);
    check(&[(FOLDER, "d/", ""), (FILE, "d", "x")], EntryRefusal::Twice);
    check(&[(FOLDER, "d/", ""), (SYMLINK, "d", "e")], EntryRefusal::Twice);
    check(&[(SYMLINK, "l", "e"), (FOLDER, "l", "")], EntryRefusal::Twice);
    check(&[(FILE, "f", "x"), (LINK, "f", "f")], EntryRefusal::Twice);
}

#[test]
fn devices_and_the_like() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        check(&[(kind, "odd", "")], EntryRefusal::Kind);
    }
}

#[test]
fn links_that_lay_there_before_are_not_followed() {
    let outer = tempfile::tempdir().unwrap();
    let (inner, tgz) = (outer.path().join("inner"), outer.path().join("a.tgz"));
    fs_err::create_dir(&inner).unwrap();
    fs_err::create_dir(outer.path().join("target")).unwrap();
    std::os::unix::fs::symlink("../target", inner.join("opt")).unwrap();
    archive(&tgz, &[(FILE, "opt/evil", "x")]);
    assert!(matches!(unpack(&tgz, &inner), Err(ArchiveError::Refused { why: EntryRefusal::NotBelowFolder, .. })));
    assert_eq!(fs_err::read_dir(outer.path().join("target")).unwrap().count(), 0);
}

#[test]
fn harmless_oddities_are_taken_without_special_bits() {
    use std::os::unix::fs::MetadataExt;
    let outer = tempfile::tempdir().unwrap();
    let tgz = outer.path().join("a.tgz");
    archive(&tgz, &[(FOLDER, "./", ""), (FOLDER, "d/", ""), (FOLDER, "d/", ""), (FILE, "./d/f", "x")]);
    assert_eq!(unpack(&tgz, outer.path()).unwrap().bytes, 1);
    assert_eq!(fs_err::metadata(outer.path().join("d/f")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs_err::metadata(outer.path().join("d")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_cut_or_damaged_archive_is_an_error() {
    let outer = tempfile::tempdir().unwrap();
    let tgz = outer.path().join("a.tgz");
    archive(&tgz, &[(FILE, "f", "some contents that are long enough to be cut in the middle")]);
    let whole = fs_err::read(&tgz).unwrap();
    for cut in [0, 5, whole.len() / 2, whole.len() - 1] {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(&tgz, &whole[..cut]).unwrap();
        let unpacked = unpack(&tgz, folder.path());
        assert!(matches!(unpacked, Err(ArchiveError::Io { doing: "read", .. })), "{cut}: {unpacked:?}");
    }
    let mut longer = whole.clone();
    longer.extend_from_slice(b"and something hidden behind it");
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(&tgz, longer).unwrap();
    assert!(unpack(&tgz, folder.path()).is_err());
}
