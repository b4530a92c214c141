//! What a change must pass besides its tests.

use crate::tidy;
use crate::workshop::{TaskError, Workshop};

pub(crate) async fn run(workshop: &Workshop) -> Result<(), TaskError> {
    workshop.show(workshop.cargo().args(["fmt", "--all", "--check"])).await?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    workshop.show(workshop.cargo().args(clippy)).await?;
    tidy::run(&workshop.root)
}
