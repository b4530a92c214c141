//! Developer tasks as code: `cargo xtask --help`. The Makefile is the index for people.

mod agent;
mod bench;
mod lint;
mod macos;
mod skips;
mod test;
mod tidy;
mod workshop;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workshop::{TaskError, Workshop, say};

#[derive(Parser)]
#[command(about = "Developer tasks of vmbuild")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the agent as a static binary, and put it beside the host program.
    Agent,
    /// Run all tests, and count those that could not run here.
    Test {
        /// Also those that compile CPython.
        #[arg(long)]
        full: bool,
    },
    /// Measure something that the documentation quotes.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Check that the host program compiles for macOS, without one.
    Macos {
        /// The folder `library` of this compiler's sources, if not rustup's: Debian's package rust-src has it, too.
        #[arg(long)]
        library: Option<std::path::PathBuf>,
    },
    /// Check formatting, clippy and the repository's own rules.
    Lint,
    /// Check the repository's own rules.
    Tidy {
        /// Mend what can be mended by a program.
        #[arg(long)]
        fix: bool,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let workshop = Workshop::new();
    match run(Cli::parse().task, &workshop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task, workshop: &Workshop) -> Result<(), TaskError> {
    match task {
        Task::Agent => agent::build(workshop).await.map(drop),
        Task::Macos { library } => macos::check(workshop, library).await,
        Task::Test { full: false } => test::run(workshop, test::Extent::Usual).await,
        Task::Test { full: true } => test::run(workshop, test::Extent::Full).await,
        Task::Bench(bench) => bench::run(workshop, bench).await,
        Task::Lint => lint::run(workshop).await,
        Task::Tidy { fix: false } => tidy::run(&workshop.root),
        Task::Tidy { fix: true } => tidy::protocol::fix(&workshop.root).and_then(|()| tidy::run(&workshop.root)),
    }
}
