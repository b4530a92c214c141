//! A published tree is used where people put trees, and its debug info is found. Called by the test that builds one: a
//! build takes minutes.

use crate::support::{root, run, skip};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MACHINE: &str = "anywhere";

#[expect(clippy::disallowed_methods, reason = "the independent tools a user would take")]
fn tool(program: &str, args: &[&str]) -> Option<Output> {
    Command::new(program).args(args).output().ok()
}

/// At long places, with spaces, through a link, read-only, by another user, in a hostile environment: it runs, extensions
/// are built, the library is embedded. `relocation.sh` does it, in a machine that has a compiler.
pub(crate) fn the_tree_works_anywhere(artifact: &Path) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let to = |name: &str| format!("{MACHINE}:/root/{name}");
    run(&["up", MACHINE, "--image", "debian-12", "--backend", "sandbox"]).expect(0);
    run(&["cp", &text(artifact), &to("artifact.tgz")]).expect(0);
    run(&["cp", &text(&root().join("host/tests/e2e/relocation.sh")), &to("relocation.sh")]).expect(0);
    match setuptools() {
        Some(wheel) => drop(run(&["cp", &text(&wheel), &to("")]).expect(0)),
        None => skip("the_tree_works_anywhere", "an extension by setuptools: python3 -m pip download gave none"),
    }
    let ran = run(&["exec", MACHINE, "--", "sh", "/root/relocation.sh", "/root/artifact.tgz"]);
    run(&["destroy", MACHINE]).expect(0);
    let ran = ran.expect(0);
    for line in ran.stdout.lines().filter(|line| line.starts_with("skipped: ")) {
        skip("the_tree_works_anywhere", line.trim_start_matches("skipped: "));
    }
    for place in ["a long path", "a path with spaces", "a symbolic link", "texts"] {
        assert!(ran.stdout.contains(&format!("ok: {place}\n")), "{place}: {}", ran.stdout);
    }
}

/// A wheel of setuptools, by the host's own pip.
fn setuptools() -> Option<PathBuf> {
    let folder = root().join("target/test-wheels");
    let into = folder.to_string_lossy().into_owned();
    tool("python3", &["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &into, "setuptools"])?;
    let mut wheels = fs_err::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    wheels.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

/// gdb, given nothing but the two tarballs, says in which line of which source a function is.
pub(crate) fn gdb_finds_debug_info_by_build_id(artifact: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().to_string_lossy().into_owned();
    let artifact = artifact.to_string_lossy().into_owned();
    let debug = artifact.replace(".tgz", "-debug.tar.zst");
    let packed = fs_err::File::open(&debug).expect("debug info was published");
    let plain = folder.path().join("debug.tar");
    let mut to = fs_err::File::create(&plain).expect("a file");
    zstd::stream::copy_decode(packed, &mut to).expect("zstd");
    for archive in [&artifact, &plain.to_string_lossy().into_owned()] {
        let unpacked = tool("tar", &["-xf", archive, "-C", &here]).expect("tar is essential");
        assert!(unpacked.status.success(), "{archive}");
    }
    let (set, file) = (
        format!("set debug-file-directory {here}/usr/lib/debug"),
        format!("file {here}/opt/python-3.13.5/bin/python3.13"),
    );
    let library = format!("file {here}/opt/python-3.13.5/lib/libpython3.13.so.1.0");
    let gdb = |file: &str, ask: &str| {
        tool("gdb", &["-nx", "-batch", "-ex", &set, "-ex", file, "-ex", ask])
            .map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    let Some(said) = gdb(&library, "info line Py_BytesMain") else {
        skip("gdb_finds_debug_info_by_build_id", "no gdb: provision/host/debian.sh test");
        return;
    };
    assert!(said.contains("main.c\""), "{said}");
    let said = gdb(&file, "info line main").expect("it ran before");
    assert!(said.contains("python.c\""), "{said}");
}
