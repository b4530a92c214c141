//! Runs all tests with the static agent, and counts those that could not run on this machine.

use crate::workspace::{TaskError, Workspace, say};
use crate::{agent, skips};
use std::path::Path;

/// Selection of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestExtent {
    /// Those that take minutes.
    Usual,
    /// Also whole builds in virtual machines.
    Full,
}

pub(crate) async fn run(workspace: &Workspace, extent: TestExtent) -> Result<(), TaskError> {
    let agent = agent::build(workspace).await?;
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    let report = agent::target_folder(workspace).await?.join("nextest").join(profile).join("junit.xml");
    // An old report would be counted as this run's if compiling failed.
    fs_err::remove_file(&report).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    // First, so that the long run's summary is what stands at the end.
    workspace.show(workspace.cargo().args(["test", "--workspace", "--doc", "--quiet"])).await?;
    let tests = units(workspace, extent, profile, &agent).await;
    let counted = count(&report);
    tests?;
    counted
}

async fn units(workspace: &Workspace, extent: TestExtent, profile: &str, agent: &Path) -> Result<(), TaskError> {
    let nextest = workspace.cargo().args(["nextest", "run", "--workspace", "--profile", profile]);
    let full = if extent == TestExtent::Full { "1" } else { "0" };
    workspace.show(nextest.env("VMBUILD_AGENT", agent).env("VMBUILD_TEST_FULL", full)).await
}

/// Prints the tests that skipped themselves, with their reasons.
fn count(report: &Path) -> Result<(), TaskError> {
    if !report.is_file() {
        return Ok(());
    }
    let skipped = skips::of(&fs_err::read_to_string(report)?);
    for skip in &skipped {
        say(&format!("skipped: {}: {}", skip.test, skip.reason));
    }
    say(&format!("{} tests skipped because this machine lacks something", skipped.len()));
    Ok(())
}
