//! The programs that other people use read what we write.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, outside the functions that clippy knows as tests"
)]

use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::{checksum_line, list, pack_tree};
use vmbuild_supervise::{Command, Deadline, RunError};

/// Runs a program in `folder`; `None`, and a word about it, if it is not installed.
async fn run(folder: &Path, program: &str, args: &[&str]) -> Option<Result<String, RunError>> {
    let command = Command::new(program).args(args).env("LC_ALL", "C").env("TZ", "UTC").current_dir(folder);
    let ran = command.output(Deadline::after(Duration::from_mins(1)), &CancellationToken::new()).await;
    if let Err(RunError::NotStarted { .. }) = ran {
        println!("skipped: no {program}");
        return None;
    }
    Some(ran.map(|bytes| String::from_utf8(bytes).unwrap()))
}

/// A folder with `root/` and the archive `a.tgz` made of it.
fn packed() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("root/opt/python/bin");
    fs_err::create_dir_all(&bin).unwrap();
    fs_err::write(bin.join("python"), "run").unwrap();
    fs_err::write(bin.join("l".repeat(150)), "long").unwrap();
    std::os::unix::fs::symlink("python", bin.join("python3")).unwrap();
    fs_err::hard_link(bin.join("python"), bin.join("python3.13")).unwrap();
    let summary = pack_tree(&folder.path().join("root"), &folder.path().join("a.tgz"), 1_704_067_200).unwrap();
    (folder, hex::encode(summary.sha256))
}

#[tokio::test]
async fn sha256sum_accepts_our_checksum_file() {
    let (folder, hex) = packed();
    fs_err::write(folder.path().join("a.tgz.sha256"), checksum_line(&hex, "a.tgz")).unwrap();
    let arguments = ["--check", "--strict", "a.tgz.sha256"];
    let Some(ran) = run(folder.path(), "sha256sum", &arguments).await else { return };
    assert_eq!(ran.unwrap(), "a.tgz: OK\n");

    fs_err::write(folder.path().join("a.tgz.sha256"), checksum_line(&"0".repeat(64), "a.tgz")).unwrap();
    assert!(run(folder.path(), "sha256sum", &arguments).await.unwrap().is_err());
}

#[tokio::test]
async fn tar_lists_our_archive() {
    let (folder, _) = packed();
    let Some(names) = run(folder.path(), "tar", &["-tzf", "a.tgz"]).await else { return };
    assert_eq!(names.unwrap().lines().collect::<Vec<_>>(), list(&folder.path().join("a.tgz")).unwrap());

    let facts = run(folder.path(), "tar", &["-tvzf", "a.tgz", "--full-time"]).await.unwrap().unwrap();
    let lines: Vec<String> = facts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "drwxr-xr-x 0/0 0 2024-01-01 00:00:00 opt/");
    assert!(lines.iter().any(|line| line.ends_with("opt/python/bin/python3 -> python")), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("python3.13 link to opt/python/bin/python")), "{lines:?}");
}
