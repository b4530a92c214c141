use super::*;
use fs_err as fs;
use std::path::PathBuf;

fn check(path: &str, one: &[u8], other: &[u8], expect: Option<DifferenceCause>) {
    let around =
        BuildSurroundings { machines: vec!["6.1.0-56-cloud".to_owned(), "Some Processor".to_owned()], trained: false };
    assert_eq!(DifferenceCause::of(path, one, other, &around), expect, "{path}: {:?}", String::from_utf8_lossy(one));
}

#[test]
fn causes_are_guessed_from_what_differs() {
    check("a.h", b"built 12:34:56\n", b"built 12:35:01\n", Some(DifferenceCause::Time));
    check("a.h", b"x = 1700000000\n", b"x = 1700000009\n", Some(DifferenceCause::Time));
    check(
        "a.so",
        b"\x00Nov 21 2026, 06:30:01\x00\xff",
        b"\x00Nov 22 2026, 07:30:01\x00\xff",
        Some(DifferenceCause::Time),
    );
    check("Makefile", b"a\nb\nc\n", b"c\na\nb\n", Some(DifferenceCause::Order));
    check("a.py", b"x = {'a', 'b'}\n", b"x = {'b', 'a'}\n", Some(DifferenceCause::Order));
    check("Makefile", b"srcdir = /build/src\n", b"srcdir = /tmp/other\n", Some(DifferenceCause::Path));
    check("config", b"uname 6.1.0-56-cloud\n", b"uname 6.1.0-57-cloud\n", None);
    check("config", b"uname 6.1.0-56-cloud\n", b"uname Processor\n", Some(DifferenceCause::Machine));
    check("a.txt", b"yes\n", b"no\n", None);
    check("opt/p/.build-info", b"{}", b"{ }", Some(DifferenceCause::Plan));
}

#[test]
fn byte_code_and_programs_have_causes_of_their_own() {
    let pyc = |head: u8, body: &str| [&[head; 16][..], body.as_bytes()].concat();
    check("a.pyc", &pyc(1, "code"), &pyc(2, "code"), Some(DifferenceCause::Time));
    check("a.pyc", &pyc(1, "code"), &pyc(1, "coda"), Some(DifferenceCause::Order));
    check("a.pyc", &pyc(1, "code"), &pyc(1, &"code".repeat(99)), None);
    let trained = BuildSurroundings { machines: Vec::new(), trained: true };
    assert_eq!(DifferenceCause::of("libpython.so", b"\x7fELF1", b"\x7fELF2", &trained), Some(DifferenceCause::Profile));
    check("libpython.so", b"\x7fELF\x01", b"\x7fELF\x02", None);
}

/// Packs a tree of files.
fn packed(folder: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = folder.join(name);
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let to = folder.join(format!("{name}.tgz"));
    vmbuild_archive::pack_tree(&root, &to, 0).expect("packed");
    to
}

#[test]
fn every_kind_of_difference_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = packed(folder.path(), "one", &[("a", "same"), ("b", "x\ny\n"), ("c", "gone"), ("d", "mode")]);
    fs::create_dir_all(folder.path().join("other")).expect("made");
    fs::write(folder.path().join("other/d"), "mode").expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path().join("other/d"), executable).expect("a mode");
    let other = packed(folder.path(), "other", &[("a", "same"), ("b", "y\nx\n"), ("e", "new")]);
    let found = differences(&one, &other, &BuildSurroundings::default()).expect("compared");
    let shown: Vec<(&str, What, Option<DifferenceCause>)> =
        found.iter().map(|difference| (difference.path.as_str(), difference.what, difference.cause)).collect();
    let expect = [
        ("b", What::Contents, Some(DifferenceCause::Order)),
        ("c", What::Missing, None),
        ("d", What::Metadata, None),
        ("e", What::Extra, None),
    ];
    assert_eq!(shown, expect);
    assert_eq!(differences(&one, &one, &BuildSurroundings::default()).expect("compared"), []);
}
