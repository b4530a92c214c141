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

/// The measurements.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum BenchCommand {
    /// From QEMU's start to a ready agent, against a bare kernel and against systemd.
    Boot {
        /// Number of boots of each.
        #[arg(long, default_value_t = 5, value_parser = at_least_one)]
        rounds: usize,
        /// Build profile of vmbuild.
        #[arg(long, value_enum, default_value_t = CompiledProgram::Release)]
        compiled: CompiledProgram,
    },
    /// CPython's own optimised build against vmbuild's, and their interpreters against each other. Takes 45 minutes.
    Build {
        /// Version of CPython.
        #[arg(long, default_value = "3.13.5")]
        version: String,
        /// Number of rounds in which the interpreters are compared.
        #[arg(long, default_value_t = 5, value_parser = at_least_one)]
        rounds: usize,
    },
    /// Repeat the second half of `build` with what it left: pyperformance's programs by both interpreters.
    Speed {
        /// Version of CPython that `build` used.
        #[arg(long, default_value = "3.13.5")]
        version: String,
        /// Tarball with another interpreter at /opt/plain, to compare instead of the plain one.
        #[arg(long)]
        against: Option<PathBuf>,
        /// Number of rounds in which the interpreters are compared.
        #[arg(long, default_value_t = 5, value_parser = at_least_one)]
        rounds: usize,
    },
    /// Golden machines from nothing, and their exports, compared with mmdebstrap alone and mkosi. Takes ten minutes.
    Image,
    /// A 100 MB artifact and a small command over each transport to an agent.
    Transfer {
        /// Number of small commands to time over each transport.
        #[arg(long, default_value_t = 20, value_parser = at_least_one)]
        rounds: usize,
        /// Build profile of vmbuild.
        #[arg(long, value_enum, default_value_t = CompiledProgram::Release)]
        compiled: CompiledProgram,
    },
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rounds| *rounds > 0).ok_or_else(|| "a number from 1".to_owned())
}

/// Runs one measurement.
pub(crate) async fn run(workspace: &Workspace, bench: BenchCommand) -> Result<(), TaskError> {
    match bench {
        BenchCommand::Boot { rounds, compiled } => boot::run(workspace, rounds, compiled).await,
        BenchCommand::Build { version, rounds } => build::run(workspace, &version, rounds).await,
        BenchCommand::Speed { version, against, rounds } => build::speed(workspace, &version, against, rounds).await,
        BenchCommand::Image => image::run(workspace).await,
        BenchCommand::Transfer { rounds, compiled } => transfer::run(workspace, rounds, compiled).await,
    }
}
