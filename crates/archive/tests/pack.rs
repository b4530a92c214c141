//! Equal trees give equal bytes, and what goes in comes out.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

use proptest::prelude::*;
use rustix::fs::{CWD, Mode, Timespec, Timestamps};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use vmbuild_archive::{ArchiveError, EntryRefusal, list, pack_tree, sha256_file, unpack};

const MTIME: u64 = 1_704_067_200;

/// How one tree is written: everything that must not show in the archive.
struct Manner {
    reversed: bool,
    umask: u32,
    owner: u32,
    time: i64,
}

fn write_tree(root: &Path, manner: &Manner) {
    let mut files = vec![
        ("opt/python/bin/python", 0o755, "run"),
        ("opt/python/lib/a.py", 0o644, "a"),
        ("opt/python-docs", 0o644, "beside"),
        ("opt/python/lib/empty", 0o644, ""),
    ];
    if manner.reversed {
        files.reverse();
    }
    for (path, mode, text) in files {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode & !manner.umask)).unwrap();
    }
    symlink("python", root.join("opt/python/bin/python3")).unwrap();
    fs_err::hard_link(root.join("opt/python/lib/a.py"), root.join("opt/python/lib/b.py")).unwrap();
    let long = "n".repeat(140);
    fs_err::write(root.join("opt").join(&long), "long").unwrap();
    symlink(&long, root.join("opt/to-long")).unwrap();
    age(root, manner);
}

/// Gives everything below `folder` another time and, where we may, another owner.
fn age(folder: &Path, manner: &Manner) {
    for item in fs_err::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if fs_err::symlink_metadata(&path).unwrap().is_dir() {
            age(&path, manner);
        }
        let time = Timespec { tv_sec: manner.time, tv_nsec: 5 };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, &path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
        // Only root can; for others the owners are equal, and the test is that much weaker.
        let _ = std::os::unix::fs::lchown(&path, Some(manner.owner), Some(manner.owner));
    }
}

#[test]
fn equal_trees_give_equal_bytes() {
    let manners = [
        Manner { reversed: false, umask: 0o022, owner: 0, time: 1 },
        Manner { reversed: true, umask: 0o077, owner: 1234, time: 2_000_000_000 },
    ];
    let digests = manners.map(|manner| {
        let folder = tempfile::tempdir().unwrap();
        let (root, to) = (folder.path().join("root"), folder.path().join("a.tgz"));
        write_tree(&root, &manner);
        let summary = pack_tree(&root, &to, MTIME).unwrap();
        assert_eq!(sha256_file(&to).unwrap(), (summary.bytes, summary.sha256));
        (hex::encode(summary.sha256), summary.entries, summary.unpacked_bytes)
    });
    assert_eq!(digests[0], digests[1]);
    assert_eq!((digests[0].1, digests[0].2), (12, 14));
}

#[test]
fn entries_are_sorted_and_folders_come_before_what_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let (root, to) = (folder.path().join("root"), folder.path().join("a.tgz"));
    write_tree(&root, &Manner { reversed: true, umask: 0o022, owner: 0, time: 7 });
    pack_tree(&root, &to, MTIME).unwrap();
    let mut names = list(&to).unwrap();
    names.retain(|name| !name.contains("nnn"));
    let expect = [
        "opt/",
        "opt/python/",
        "opt/python-docs",
        "opt/python/bin/",
        "opt/python/bin/python",
        "opt/python/bin/python3",
        "opt/python/lib/",
        "opt/python/lib/a.py",
        "opt/python/lib/b.py",
        "opt/python/lib/empty",
        "opt/to-long",
    ];
    assert_eq!(names, expect);
}

#[test]
fn modes_times_and_hard_links_come_out() {
    let folder = tempfile::tempdir().unwrap();
    let (root, to, out) = (folder.path().join("root"), folder.path().join("a.tgz"), folder.path().join("out"));
    write_tree(&root, &Manner { reversed: false, umask: 0o027, owner: 0, time: 7 });
    pack_tree(&root, &to, MTIME).unwrap();
    fs_err::create_dir(&out).unwrap();
    assert_eq!(unpack(&to, &out).unwrap().entries, 12);
    let facts = |path: &str| fs_err::symlink_metadata(out.join(path)).unwrap();
    assert_eq!(facts("opt/python/bin/python").mode() & 0o7777, 0o755);
    assert_eq!(facts("opt/python/lib/a.py").mode() & 0o7777, 0o644);
    assert_eq!(facts("opt/python/lib/a.py").mtime().cast_unsigned(), MTIME);
    assert_eq!(facts("opt/python/lib/a.py").ino(), facts("opt/python/lib/b.py").ino());
    assert_eq!(fs_err::read_link(out.join("opt/python/bin/python3")).unwrap(), Path::new("python"));
    assert_eq!(fs_err::read(out.join("opt/to-long")).unwrap(), b"long");
}

fn refusal(prepare: impl FnOnce(&Path)) -> EntryRefusal {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs_err::create_dir(&root).unwrap();
    prepare(&root);
    let to = folder.path().join("a.tgz");
    match pack_tree(&root, &to, MTIME) {
        Err(ArchiveError::Refused { entry, why, .. }) => {
            assert_eq!(entry, "odd");
            assert!(!to.exists());
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_an_artifact_may_not_have_is_refused_by_name() {
    let fifo = |root: &Path| {
        rustix::fs::mknodat(CWD, root.join("odd"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    };
    let socket = |root: &Path| drop(std::os::unix::net::UnixListener::bind(root.join("odd")).unwrap());
    assert_eq!(refusal(fifo), EntryRefusal::Kind);
    assert_eq!(refusal(socket), EntryRefusal::Kind);
    assert_eq!(refusal(|root| symlink("/etc/passwd", root.join("odd")).unwrap()), EntryRefusal::LeadsOut);
    assert_eq!(refusal(|root| symlink("../a.tgz", root.join("odd")).unwrap()), EntryRefusal::LeadsOut);
}

#[test]
fn an_archive_does_not_become_part_of_itself() {
    let root = tempfile::tempdir().unwrap();
    let packed = pack_tree(root.path(), &root.path().join("a.tgz"), MTIME);
    assert!(matches!(packed, Err(ArchiveError::InsideTree(_))), "{packed:?}");
}

#[test]
fn a_failed_packing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("a.tgz");
    assert!(pack_tree(&folder.path().join("missing"), &to, MTIME).is_err());
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
}

/// One name of a path: any bytes but the separator and the end, and neither `.` nor `..`.
fn name() -> impl Strategy<Value = OsString> {
    let bytes = prop_oneof![
        3 => prop::collection::vec(1u8..=255, 1..20),
        1 => prop::collection::vec(128u8..=255, 90..220),
    ];
    bytes
        .prop_map(|mut bytes| {
            bytes.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
            OsString::from_vec(bytes)
        })
        .prop_filter("dots are not names", |name| name != "." && name != "..")
}

/// Everything below a folder: its path with its contents, or nothing for a folder.
fn contents(root: &Path, below: &Path, into: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for item in fs_err::read_dir(root.join(below)).unwrap() {
        let path = below.join(item.unwrap().file_name());
        if root.join(&path).is_dir() {
            into.insert(path.clone(), None);
            contents(root, &path, into);
        } else {
            into.insert(path.clone(), Some(fs_err::read(root.join(&path)).unwrap()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn odd_names_come_back(tree in prop::collection::vec((prop::collection::vec(name(), 1..4), any::<Vec<u8>>()), 0..8)) {
        let folder = tempfile::tempdir().unwrap();
        let (root, to, out) = (folder.path().join("root"), folder.path().join("a.tgz"), folder.path().join("out"));
        fs_err::create_dir(&root).unwrap();
        fs_err::create_dir(&out).unwrap();
        for (names, text) in &tree {
            let path = names.iter().fold(root.clone(), |path, name| path.join(name));
            // A name may stand for a file already, or for a folder: the tree is then that much smaller.
            let _ = fs_err::create_dir_all(path.parent().unwrap()).and_then(|()| fs_err::write(&path, text));
        }
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        contents(&root, Path::new(""), &mut before);
        let packed = pack_tree(&root, &to, MTIME).unwrap();
        prop_assert_eq!(packed.entries, before.len() as u64);
        let unpacked = unpack(&to, &out).unwrap();
        contents(&out, Path::new(""), &mut after);
        prop_assert_eq!(before, after);
        prop_assert_eq!((unpacked.entries, unpacked.bytes), (packed.entries, packed.unpacked_bytes));
    }
}
