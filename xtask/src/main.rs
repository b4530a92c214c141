//! Developer tasks as code: `cargo xtask --help`. The Makefile is the index for people.

mod agent;
mod bench;
mod lint;
mod macos;
mod skips;
mod subjects;
mod test;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::{TaskError, Workspace, say};

#[derive(Parser)]
#[command(about = "Developer tasks of vmbuild")]
struct XtaskCli {
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
    /// Check formatting, commit subjects, the repository's own rules, dependencies and clippy.
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
    let workspace = Workspace::new();
    match run(XtaskCli::parse().task, &workspace).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task, workspace: &Workspace) -> Result<(), TaskError> {
    match task {
        Task::Agent => agent::build(workspace).await.map(drop),
        Task::Macos { library } => macos::check(workspace, library).await,
        Task::Test { full: false } => test::run(workspace, test::TestExtent::Usual).await,
        Task::Test { full: true } => test::run(workspace, test::TestExtent::Full).await,
        Task::Bench(bench) => bench::run(workspace, bench).await,
        Task::Lint => lint::run(workspace).await,
        Task::Tidy { fix: false } => tidy::run(&workspace.root),
        Task::Tidy { fix: true } => tidy::protocol::fix(&workspace.root).and_then(|()| tidy::run(&workspace.root)),
    }
}
