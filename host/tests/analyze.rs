//! The compiler wrapper that bounds the memory of GCC's analyzer (`provision/cpython/analyze.sh`), tried with the system's compiler.
//! Without any memory, so it does not matter whether that one's analyzer can write SARIF.

#![expect(clippy::disallowed_methods, reason = "a test waits for its own children")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../provision/cpython/analyze.sh");

/// A folder with one source in a folder of its own.
fn folder_with(source: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::create_dir(folder.path().join("Objects")).expect("a folder in it");
    fs_err::write(folder.path().join("Objects/object.c"), source).expect("a source");
    folder
}

/// Runs the compiler with no memory for the analyzer.
fn compile(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("sh").args([SCRIPT, "0", "cc"]).args(arguments).current_dir(folder).output().expect("a shell")
}

#[test]
fn what_wants_too_much_memory_is_compiled_without_and_says_so() {
    let folder = folder_with("int main(void) { return 7; }\n");
    let compiled = compile(folder.path(), &["-c", "Objects/object.c", "-o", "object.o"]);
    assert!(compiled.status.success(), "{compiled:?}");
    let findings = fs_err::read(folder.path().join("Objects/object.c.sarif")).expect("findings beside the source");
    let findings: Value = serde_json::from_slice(&findings).expect("JSON");
    assert_eq!(findings["runs"][0]["results"], json!([]));
    let invocation = &findings["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], json!(false));
    let why = &invocation["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(why, "Objects/object.c is not analyzed: that takes more than 0 GB of memory");

    let linked = compile(folder.path(), &["object.o", "-o", "program"]);
    assert!(linked.status.success(), "a link is no compilation: {linked:?}");
    let ran = Command::new(folder.path().join("program")).status().expect("a program");
    assert_eq!(ran.code(), Some(7));
}

#[test]
fn a_fault_is_told_in_words_and_leaves_no_findings() {
    let folder = folder_with("int main(void) { return missing; }\n");
    let compiled = compile(folder.path(), &["-c", "Objects/object.c", "-o", "object.o"]);
    assert_eq!(compiled.status.code(), Some(1));
    let words = String::from_utf8_lossy(&compiled.stderr);
    assert!(words.contains("Objects/object.c:1") && words.contains("missing"), "{words}");
    assert!(!folder.path().join("Objects/object.c.sarif").exists());
}
