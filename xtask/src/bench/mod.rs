//! Measurements that the documentation quotes: each prints a Markdown table, with the machine it was made on.

mod boot;
mod host;
mod image;
mod machine;
mod table;
mod transfer;

use crate::workshop::{TaskError, Workshop};
use clap::Subcommand;

/// What to measure.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Bench {
    /// From QEMU's start to a ready agent, against a bare kernel.
    Boot,
    /// Golden machines from nothing, and their exports, beside mmdebstrap alone and mkosi. Takes ten minutes.
    Image,
    /// A 100 MB artifact and a small command over each way to an agent.
    Transfer,
}

/// Measures.
pub(crate) async fn run(workshop: &Workshop, bench: Bench) -> Result<(), TaskError> {
    match bench {
        Bench::Boot => boot::run(workshop).await,
        Bench::Image => image::run(workshop).await,
        Bench::Transfer => transfer::run(workshop).await,
    }
}
