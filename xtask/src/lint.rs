//! The checks that a change must pass besides its tests.

use crate::workspace::{TaskError, Workspace, say};
use crate::{subjects, tidy};

pub(crate) async fn run(workspace: &Workspace) -> Result<(), TaskError> {
    workspace.show(workspace.cargo().args(["fmt", "--all", "--check"])).await?;
    subjects::check(workspace).await?;
    tidy::run(&workspace.root)?;
    deny(workspace).await?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    workspace.show(workspace.cargo().args(clippy)).await
}

/// Checks licenses, banned crates and sources. Advisories need a database from the network: see `.github/workflows`.
async fn deny(workspace: &Workspace) -> Result<(), TaskError> {
    if workspace.read(workspace.cargo().args(["deny", "--version"])).await.is_err() {
        say("skipped: cargo-deny is not installed (to install it, run `cargo install --locked cargo-deny`)");
        return Ok(());
    }
    let checks = ["deny", "check", "licenses", "bans", "sources"];
    workspace.show(workspace.cargo().args(checks)).await
}
