//! Measurements that the documentation quotes: each prints a Markdown table, with the machine it was made on.

mod boot;
mod build;
mod console;
mod host;
mod image;
mod machine;
mod scp;
mod systemd;
mod table;
mod transfer;
mod vagrant;

use crate::workspace::{TaskError, Workspace};
use clap::Subcommand;
use machine::CompiledProgram;
use std::path::PathBuf;

/// What to measure.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Bench {
    /// From QEMU's start to a ready agent, against a bare kernel and against systemd.
    Boot {
        /// How often to boot each.
        #[arg(long, default_value_t = 5, value_parser = at_least_one)]
        rounds: usize,
        /// How vmbuild is compiled.
        #[arg(long, value_enum, default_value_t = CompiledProgram::Release)]
        compiled: CompiledProgram,
    },
    /// CPython's own optimised build against vmbuild's, and their interpreters against each other. Takes 45 minutes.
    Build {
        /// Which CPython.
        #[arg(long, default_value = "3.13.5")]
        version: String,
        /// How often to compare the interpreters.
        #[arg(long, default_value_t = 5, value_parser = at_least_one)]
        rounds: usize,
    },
    /// The second half of `build` again, with what the last one left: pyperformance's programs by both interpreters.
    Speed {
        /// Which CPython that was.
        #[arg(long, default_value = "3.13.5")]
        version: String,
        /// A tarball with another interpreter, at /opt/plain, to stand in the plain one's place.
        #[arg(long)]
        against: Option<PathBuf>,
        /// How often to compare the interpreters.
        #[arg(long, default_value_t = 5, value_parser = at_least_one)]
        rounds: usize,
    },
    /// Golden machines from nothing, and their exports, beside mmdebstrap alone and mkosi. Takes ten minutes.
    Image,
    /// A 100 MB artifact and a small command over each way to an agent.
    Transfer {
        /// How many small commands to time on each way.
        #[arg(long, default_value_t = 20, value_parser = at_least_one)]
        rounds: usize,
        /// How vmbuild is compiled.
        #[arg(long, value_enum, default_value_t = CompiledProgram::Release)]
        compiled: CompiledProgram,
    },
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rounds| *rounds > 0).ok_or_else(|| "a number from 1".to_owned())
}

/// Measures.
pub(crate) async fn run(workspace: &Workspace, bench: Bench) -> Result<(), TaskError> {
    match bench {
        Bench::Boot { rounds, compiled } => boot::run(workspace, rounds, compiled).await,
        Bench::Build { version, rounds } => build::run(workspace, &version, rounds).await,
        Bench::Speed { version, against, rounds } => build::speed(workspace, &version, against, rounds).await,
        Bench::Image => image::run(workspace).await,
        Bench::Transfer { rounds, compiled } => transfer::run(workspace, rounds, compiled).await,
    }
}
