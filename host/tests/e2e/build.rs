//! The main job: compile, validate, publish.

use crate::anywhere::{gdb_finds_debug_info_by_build_id, the_tree_works_anywhere};
use crate::attestations::{equal_artifacts_have_equal_bills, independent_tools_accept, papers_say_what_is_so};
use crate::support::{Ran, mounts_under, processes_with, root, run, store, tree};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Of the checks, in order.
pub(crate) fn verdicts(ran: &Ran) -> Vec<String> {
    let validated = ran.events_of("validated");
    let checks = validated.last().and_then(|event| event["checks"].as_array()).cloned().unwrap_or_default();
    checks.iter().map(|check| check["verdict"].as_str().unwrap_or("?").to_owned()).collect()
}

/// A CPython 3.13.5 built once per test run, with the events of its build.
fn built() -> &'static (PathBuf, Vec<Value>) {
    static BUILT: OnceLock<(PathBuf, Vec<Value>)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = root().join("target/test-artifacts");
        let _ = fs_err::remove_dir_all(&folder);
        let artifacts = folder.to_string_lossy().into_owned();
        let args = ["build", "3.13.5", "--image", "debian-12", "--backend", "sandbox", "--profile", "smoke", "--json"];
        let ran = run(&[&args[..], &["--no-cache", "--artifacts", &artifacts]].concat()).expect(0);
        assert_eq!(verdicts(&ran), ["PASS"; 11]);
        (folder, ran.events())
    })
}

#[expect(clippy::disallowed_methods, reason = "the independent tool a user would take")]
fn sha256sum_accepts(folder: &Path, checksum: &str) -> bool {
    let checked = std::process::Command::new("sha256sum").args(["-c", checksum]).current_dir(folder).output();
    checked.expect("coreutils are installed").status.success()
}

/// One test, because the parts share a build that takes minutes.
#[test]
fn smoke_build_in_the_sandbox_is_published_and_holds_up() {
    let (folder, events) = built();
    let name = "cpython-3.13.5-debian12-build1.tgz";
    assert!(folder.join(name).is_file());
    assert!(sha256sum_accepts(folder, &format!("{name}.sha256")));
    nothing_is_left_behind();
    the_tree_works_anywhere(&folder.join(name));
    gdb_finds_debug_info_by_build_id(&folder.join(name));
    nothing_is_left_behind();
    the_steps_were_reported_and_logged(folder, events);
    the_machine_was_clean(events);
    the_record_says_what_was_measured(folder, name);
    papers_say_what_is_so(folder, name);
    independent_tools_accept(folder, name);
    an_existing_artifact_is_not_overwritten(folder);
    the_same_plan_is_not_compiled_twice(folder, name);
    the_same_plan_gives_the_same_bytes(folder, name);
    validation_in_a_virtual_machine_passes_too(&folder.join(name));
    damaged_artifacts_fail_the_right_check(folder, name);
}

fn nothing_is_left_behind() {
    assert_eq!(processes_with(&store().to_string_lossy()), Vec::<String>::new());
    assert_eq!(mounts_under(&store()), Vec::<String>::new());
    assert_eq!(tree(&store().join("machines")), Vec::<PathBuf>::new());
}

fn the_steps_were_reported_and_logged(folder: &Path, events: &[Value]) {
    let finished =
        |name: &str| events.iter().any(|event| event["event"] == "finished" && event["phase"]["phase"] == name);
    for step in ["unpack", "configure", "compile", "install"] {
        assert!(finished(step), "{step} did not finish in the events");
    }
    let published = events.iter().find(|event| event["event"] == "published").expect("an artifact was published");
    let logs = PathBuf::from(published["logs"].as_str().expect("a folder of logs"));
    assert!(logs.starts_with(folder));
    let configure = fs_err::read_to_string(logs.join("configure.log")).expect("a log per step");
    assert!(configure.contains("checking for --enable-shared"), "configure.log holds configure's output");
    assert!(!logs.join("unpack.log").exists(), "a step that says nothing leaves no log");
    assert!(logs.join("validation.json").is_file());
}

fn the_machine_was_clean(events: &[Value]) {
    let checks = events.iter().filter(|event| event["event"] == "checked").count();
    assert_eq!(checks, 11, "each check is an event of its own");
}

fn json(path: &Path) -> Value {
    let text = fs_err::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

fn the_record_says_what_was_measured(folder: &Path, name: &str) {
    let record = json(&folder.join(format!("{name}.build.json")));
    assert_eq!((&record["origin"], &record["build"]), (&"compiled".into(), &1.into()));
    assert_eq!(record["measured"]["backend"], "sandbox");
    for stage in ["unpack", "configure", "compile", "install", "pack"] {
        assert!(record["measured"]["stage_seconds"][stage].is_number(), "{stage}: {record:#}");
    }
    assert!(record["info"]["packages"].as_array().is_some_and(|packages| packages.len() > 50));
}

/// The second build of the plan is another artifact with the same bytes, and its record says where they come from.
fn the_same_plan_is_not_compiled_twice(folder: &Path, name: &str) {
    let artifacts = folder.to_string_lossy().into_owned();
    let args = ["build", "3.13.5", "--image", "debian-12", "--backend", "sandbox", "--profile", "smoke", "--json"];
    let ran = run(&[&args[..], &["--artifacts", &artifacts]].concat()).expect(0);
    assert_eq!(verdicts(&ran), ["PASS"; 11], "what comes from the cache is validated too");
    let (first, second) = (json(&folder.join(format!("{name}.build.json"))), {
        json(&folder.join("cpython-3.13.5-debian12-build2.tgz.build.json"))
    });
    assert_eq!((&second["origin"], &second["build"]), (&"cache".into(), &2.into()));
    assert_eq!((&second["sha256"], &second["measured"]), (&first["sha256"], &first["measured"]));
    let compiled = ran.events_of("started").iter().any(|event| event["phase"]["phase"] == "compile");
    assert!(!compiled, "nothing was compiled");
    papers_say_what_is_so(folder, "cpython-3.13.5-debian12-build2.tgz");
    equal_artifacts_have_equal_bills(folder, name, "cpython-3.13.5-debian12-build2.tgz");
    assert!(sha256sum_accepts(folder, "cpython-3.13.5-debian12-build2.tgz.sha256"));
    assert!(first["debug_info"]["bytes"].as_u64() > Some(1_000_000));
    assert_eq!(second["debug_info"], first["debug_info"]);
    assert!(folder.join("cpython-3.13.5-debian12-build2-debug.tar.zst").is_file());
    let log = |artifact: &str| {
        let artifact = artifact.trim_end_matches(".tgz");
        fs_err::read(folder.join("logs").join(artifact).join("compile.log")).expect("a log of each step")
    };
    assert!(log("cpython-3.13.5-debian12-build2.tgz") == log(name), "what was said when it was compiled");
}

/// Compiled anew from the plan in the artifact, byte for byte.
fn the_same_plan_gives_the_same_bytes(folder: &Path, name: &str) {
    let artifact = folder.join(name).to_string_lossy().into_owned();
    let ran = run(&["reproduce", &artifact, "--backend", "sandbox", "--json"]);
    let found = ran.events().into_iter().find(|line| line["reproduced"].is_boolean()).expect("a comparison");
    assert_eq!((&found["reproduced"], &found["differences"]), (&true.into(), &Value::Array(Vec::new())), "{found:#}");
    assert_eq!(found["plan_changes"], Value::Array(Vec::new()));
    ran.expect(0);
}

fn an_existing_artifact_is_not_overwritten(folder: &Path) {
    let artifacts = folder.to_string_lossy().into_owned();
    let args = ["build", "3.13.5", "--backend", "sandbox", "--build-number", "1", "--artifacts", &artifacts];
    let refused = run(&args).expect(2);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
}

fn validation_in_a_virtual_machine_passes_too(artifact: &Path) {
    let artifact = artifact.to_string_lossy().into_owned();
    let ran = run(&["validate", &artifact, "--backend", "qemu", "--accel", "tcg", "--json"]).expect(0);
    assert_eq!(verdicts(&ran), ["PASS"; 11]);
    nothing_is_left_behind();
}

/// The number of the check that each damage must trip.
fn damaged_artifacts_fail_the_right_check(folder: &Path, name: &str) {
    let lies = folder.join("lies");
    fs_err::create_dir_all(&lies).expect("a folder for damaged copies");

    let renamed = lies.join("cpython-3.13.4-debian12-build1.tgz");
    fs_err::copy(folder.join(name), &renamed).expect("a copy under another version's name");
    let failed = failures(&renamed);
    assert!(failed.contains(&2), "no checksum file: {failed:?}");
    assert!(failed.contains(&5), "the folder is another version's: {failed:?}");

    let cut = lies.join(name);
    let whole = fs_err::read(folder.join(name)).expect("the artifact is readable");
    fs_err::write(&cut, &whole[..whole.len() / 2]).expect("half an artifact");
    fs_err::copy(folder.join(format!("{name}.sha256")), lies.join(format!("{name}.sha256"))).expect("its checksum");
    let failed = failures(&cut);
    assert!(failed.contains(&3), "the checksum disagrees: {failed:?}");
    assert!(failed.contains(&4), "it is too small: {failed:?}");
}

fn failures(artifact: &Path) -> Vec<u64> {
    let artifact = artifact.to_string_lossy().into_owned();
    let ran = run(&["validate", &artifact, "--backend", "sandbox", "--json"]).expect(1);
    let validated = ran.events_of("validated");
    let checks = validated[0]["checks"].as_array().expect("a list of checks").clone();
    assert_eq!(checks.len(), 11, "all checks run, whatever fails");
    let failed = checks.iter().filter(|check| check["verdict"] == "FAIL");
    failed.filter_map(|check| check["number"].as_u64()).collect()
}

/// `make test-full`: the whole path in a real virtual machine, and an older CPython. About half an hour.
#[test]
fn full_virtual_machine_build_passes() {
    if std::env::var("VMBUILD_TEST_FULL").as_deref() != Ok("1") {
        crate::support::skip("full_virtual_machine_build_passes", "takes half an hour: make test-full");
        return;
    }
    let folder = root().join("target/test-artifacts-full");
    let _ = fs_err::remove_dir_all(&folder);
    let artifacts = folder.to_string_lossy().into_owned();
    let vm = ["build", "3.13.5", "--backend", "qemu", "--profile", "smoke", "--json", "--artifacts", &artifacts];
    assert_eq!(verdicts(&run(&vm).expect(0)), ["PASS"; 11]);
    let old = ["build", "3.11.2", "--backend", "sandbox", "--profile", "fast", "--json", "--artifacts", &artifacts];
    assert_eq!(verdicts(&run(&old).expect(0)), ["PASS"; 11]);
    nothing_is_left_behind();
}
