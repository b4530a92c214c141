//! Folders that may be the store, and folders that may not.

use crate::support::{Ran, tree, vmbuild};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).expect("it exists").mode() & 0o7777
}

fn with_home(args: &[&str], home: impl AsRef<std::ffi::OsStr>) -> Ran {
    vmbuild(args).env("VMBUILD_HOME", home).output().expect("vmbuild starts").into()
}

fn folder(of_mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::set_permissions(folder.path(), PermissionsExt::from_mode(of_mode)).expect("it is ours");
    folder
}

/// Demands a refusal that names the folder and the reason and leaves the folder as it was.
fn is_refused(home: &Path, code: i32, words: &[&str]) {
    let before = (mode(home), tree(home));
    for args in [&["status"][..], &["list"], &["plan", "3.13.5"], &["doctor"]] {
        let ran = with_home(args, home).expect(code);
        let named = format!("{} cannot be used as the store", home.display());
        for word in words.iter().chain([&named.as_str(), &"hint:", &"VMBUILD_HOME"]) {
            assert!(ran.stderr.contains(word), "`{word}` is missing from:\n{}", ran.stderr);
        }
    }
    assert_eq!((mode(home), tree(home)), before);
}

#[test]
fn a_folder_of_something_else_stays_as_it_is() {
    let home = folder(0o755);
    fs_err::write(home.path().join("thesis.tex"), "").expect("a file");
    is_refused(home.path(), 2, &["neither empty", "thesis.tex"]);
}

#[test]
fn a_folder_that_others_write_to_stays_as_it_is() {
    is_refused(folder(0o777).path(), 3, &["it is writable by others (mode 0777)", "chmod go-w"]);
    is_refused(folder(0o1777).path(), 3, &["it is writable by others (mode 1777)", "chmod go-w"]);
}

#[test]
fn who_only_reads_makes_nothing() {
    let home = folder(0o755);
    let missing = home.path().join("data/store");
    let reading = [
        &["status"][..],
        &["list"],
        &["versions"],
        &["config"],
        &["image", "list"],
        &["image", "show", "debian-12"],
        &["image", "prune"],
        &["completions", "bash"],
        &["clean"],
    ];
    for args in reading {
        with_home(args, &missing).expect(0);
        with_home(args, home.path()).expect(0);
    }
    with_home(&["logs", "nobody"], &missing).expect(2);
    with_home(&["exec", "nobody", "--", "true"], &missing).expect(2);
    with_home(&["destroy", "nobody"], &missing).expect(2);
    with_home(&["doctor"], &missing);
    assert_eq!((mode(home.path()), tree(home.path())), (0o755, Vec::new()));
}

#[test]
fn who_writes_makes_a_store_in_an_empty_folder() {
    let home = folder(0o755);
    // Refused later, for another reason.
    with_home(&["validate", "nothing-like-a-name.tgz"], home.path()).expect(2);
    assert_eq!(mode(home.path()), 0o755);
    assert!(home.path().join(".vmbuild-store").is_file() && home.path().join("machines").is_dir());
    with_home(&["status"], home.path()).expect(0);
    let inner = home.path().join("inner");
    with_home(&["validate", "nothing-like-a-name.tgz"], &inner).expect(2);
    assert_eq!(mode(&inner), 0o700);
}

#[test]
fn a_relative_path_is_no_store() {
    let ran = with_home(&["status"], "store").expect(2);
    assert!(ran.stderr.contains("VMBUILD_HOME is not an absolute path: `store`"), "{}", ran.stderr);
    let mut command = vmbuild(&["status"]);
    let ran = Ran::from(command.env("VMBUILD_HOME", "").env("XDG_DATA_HOME", "data").output().expect("starts"));
    assert!(ran.expect(2).stderr.contains("XDG_DATA_HOME is not an absolute path: `data`"));
}
