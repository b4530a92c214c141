//! Bad input and a bad world: each its own words, hint and exit code.

use crate::support::{Ran, root, run, store, vmbuild};

fn check(args: &[&str], code: i32, words: &[&str]) {
    let ran = run(args).expect(code);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing from:\n{}", ran.stderr);
    }
    assert!(ran.stdout.is_empty(), "errors are not data: {}", ran.stdout);
}

#[test]
fn wrong_use_names_the_thing_and_the_way_out() {
    check(&["build", "3.13"], 2, &["3.13"]);
    check(&["build", "3.13.99"], 2, &["3.13.99", "hint:", "--source-sha256"]);
    check(&["build", "3.13.5", "--image", "debian-13x"], 2, &["debian-13x", "debian-12"]);
    check(&["build", "3.13.5", "--build-number", "0"], 2, &["0"]);
    check(&["validate", "nothing-like-a-name.tgz"], 2, &["nothing-like-a-name.tgz"]);
    check(&["exec", "--name", "nobody", "--", "true"], 2, &["nobody", "hint:", "vmbuild up"]);
    check(&["destroy", "--name", "nobody"], 2, &["nobody"]);
    check(&["frobnicate"], 2, &["frobnicate"]);
}

#[test]
fn a_source_with_other_bytes_is_refused_before_any_machine() {
    let wrong = root().join("target/test-wrong-source/Python-3.13.5.tar.xz");
    fs_err::create_dir_all(wrong.parent().expect("has a parent")).expect("a folder");
    fs_err::write(&wrong, b"not CPython").expect("a file");
    check(
        &["build", "3.13.5", "--source", &wrong.to_string_lossy()],
        4,
        &["sha256", "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640"],
    );
}

#[test]
fn a_profile_that_is_none_is_refused_before_any_machine() {
    check(&["build", "3.13.5", "--profile", "fast", "--profile-data", "x"], 2, &["profile release", "hint:"]);
    check(&["build", "3.13.5", "--profile-data", "/nowhere/x.tar.zst"], 2, &["/nowhere/x.tar.zst"]);
    check(&["build", "3.13.5", "--train", "--profile-data", "x"], 2, &["--train"]);
    check(&["build", "3.13.5", "--flavour", "asan,tsan"], 2, &["asan and tsan", "address space"]);
    check(
        &["build", "3.13.5+debug", "--profile", "release"],
        2,
        &["do not support the release profile", "hint:", "--profile fast"],
    );
    check(&["plan", "3.12.6", "--flavour", "freethreaded"], 2, &["unsupported version `3.12.6t`"]);
    let other = root().join("target/test-other-profile.tar.zst");
    fs_err::write(&other, b"no counts").expect("a file");
    check(
        &["build", "3.13.5", "--profile-data", &other.to_string_lossy()],
        4,
        &["is not a published profile", "hint:"],
    );
}

#[test]
fn an_unreachable_source_lists_every_place_tried() {
    let home = store().join("../test-store-unreachable");
    let mut command = vmbuild(&["build", "3.12.6"]);
    command.env("VMBUILD_HOME", &home);
    command.env("VMBUILD_PYTHON_ORG", "http://127.0.0.1:9").env("VMBUILD_DEBIAN_ARCHIVE", "http://127.0.0.1:9/debian");
    let ran = Ran::from(command.output().expect("vmbuild starts")).expect(3);
    assert!(ran.stderr.matches("127.0.0.1:9").count() >= 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("--source"), "{}", ran.stderr);
}

#[test]
fn a_missing_tool_is_named() {
    let mut command = vmbuild(&["up", "--name", "test-no-tools", "--backend", "qemu", "--accel", "tcg"]);
    command.env("PATH", "/nowhere");
    let ran = Ran::from(command.output().expect("vmbuild starts")).expect(3);
    assert!(ran.stderr.contains("qemu"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
}

#[test]
fn a_missing_agent_is_named() {
    let mut command = vmbuild(&["up", "--name", "test-no-agent", "--backend", "sandbox"]);
    command.env("VMBUILD_AGENT", "/nowhere/vmbuild-agent");
    let ran = Ran::from(command.output().expect("vmbuild starts")).expect(3);
    assert!(ran.stderr.contains("/nowhere/vmbuild-agent"), "{}", ran.stderr);
}

#[test]
fn help_and_completions_need_nothing() {
    assert!(run(&["--help"]).expect(0).stdout.contains("build"));
    assert!(run(&["completions", "bash"]).expect(0).stdout.contains("_vmbuild"));
}

#[test]
fn an_error_in_json_is_the_last_event() {
    let ran = run(&["build", "3.13.99", "--json"]).expect(2);
    let events = ran.events();
    let last = events.last().expect("at least the error");
    assert_eq!(last["event"], "error");
    assert_eq!(last["exit"], 2);
}

#[test]
fn help_and_version_work_next_to_a_broken_project() {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::write(folder.path().join("vmbuild.toml"), "schema = 1\ncpus = many\n").expect("a file");
    let run = |args: &[&str]| Ran::from(vmbuild(args).current_dir(folder.path()).output().expect("vmbuild starts"));
    let version = run(&["--version"]).expect(0).stdout;
    assert!(version.starts_with("vmbuild 0.") && version.trim_end().ends_with(')'), "{version}");
    assert!(run(&["build", "--help"]).expect(0).stdout.contains("--profile"));
    assert!(run(&["completions", "bash"]).expect(0).stdout.contains("freethreaded"));
    assert!(run(&["status"]).expect(2).stderr.contains("vmbuild.toml:2"));
}

#[test]
fn an_unknown_value_names_the_known_ones() {
    check(&["plan", "3.13.5", "--profile", "quick"], 2, &["unknown profile `quick` (expected release, fast or smoke)"]);
    check(&["plan", "3.13.5", "--flavour", "asan,x"], 2, &["unknown flavour `x` (expected freethreaded, debug"]);
}

#[test]
fn the_trace_is_kept_and_shown_if_asked_for() {
    let home = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str], log: &str| {
        let mut command = vmbuild(args);
        command.env("VMBUILD_HOME", home.path()).env("VMBUILD_LOG", log).env("VMBUILD_AGENT", "/nowhere/vmbuild-agent");
        Ran::from(command.output().expect("vmbuild starts"))
    };
    let failing = ["up", "--backend", "sandbox"];
    let traces = || fs_err::read_dir(home.path().join("cache/trace")).map_or(0, Iterator::count);
    let usual = run(&failing, "").expect(3).stderr;
    assert!(!usual.contains("ERROR"), "{usual}");
    assert_eq!(traces(), 1);
    let shown = run(&failing, "vmbuild=error").expect(3).stderr;
    assert!(shown.contains("ERROR vmbuild_core::event: "), "{shown}");
    assert!(run(&["status"], "vmbuild=loud").expect(2).stderr.contains("VMBUILD_LOG"), "a level that does not exist");
    let quiet = run(&[&failing[..], &["-q"]].concat(), "").expect(3).stderr;
    assert!(quiet.starts_with("error: "), "{quiet}");
}
