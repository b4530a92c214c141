//! What a change must pass besides its tests.

use crate::tidy;
use crate::workspace::{TaskError, Workspace};

pub(crate) async fn run(workspace: &Workspace) -> Result<(), TaskError> {
    workspace.show(workspace.cargo().args(["fmt", "--all", "--check"])).await?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    workspace.show(workspace.cargo().args(clippy)).await?;
    tidy::run(&workspace.root)
}
