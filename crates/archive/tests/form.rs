//! The bytes of the archive's form: plans name it, so they must not change behind its number.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside the functions that clippy knows as tests")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use vmbuild_archive::{FORM, pack_tree};

/// Long enough for the compressor to look for matches far back, and the same on every machine.
fn text(lines: u32) -> String {
    let line = |line: u32| format!("{} {}\n", line, line.wrapping_mul(2_654_435_761));
    (0..lines).map(line).collect::<Vec<String>>().concat()
}

fn plant(root: &Path) {
    fs_err::create_dir_all(root.join("opt/python/lib")).unwrap();
    fs_err::write(root.join("opt/python/lib/long.txt"), text(40_000)).unwrap();
    fs_err::write(root.join("opt/python/program"), "#!/bin/sh\n").unwrap();
    fs_err::set_permissions(root.join("opt/python/program"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("program", root.join("opt/python/link")).unwrap();
    fs_err::hard_link(root.join("opt/python/program"), root.join("opt/python/second")).unwrap();
    fs_err::write(root.join("opt/python").join("n".repeat(150)), "").unwrap();
}

#[test]
fn equal_trees_give_the_bytes_of_this_form() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    plant(&root);
    let packed = pack_tree(&root, &folder.path().join("a.tgz"), 1_704_067_200).unwrap();
    assert_eq!(
        (FORM, hex::encode(packed.sha256).as_str()),
        (1, "5755af0d3f8aa5d7c4e701d0a28296c56c5b8862f671edaf69825de6d18e6f06"),
        "other bytes: raise FORM"
    );
}
