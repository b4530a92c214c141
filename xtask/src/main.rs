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
use workspace::{TaskError, Workspace, print, say};

#[derive(Parser)]
#[command(about = "Developer tasks of vmbuild")]
struct XtaskCli {
    #[command(subcommand)]
    task: XtaskCommand,
}

#[derive(Subcommand)]
enum XtaskCommand {
    /// Build the agent as a static binary, place it next to the host program, and print its path.
    Agent,
    /// Run all tests, and count those that this machine cannot run.
    Test {
        /// Also run the longest tests: whole builds in virtual machines.
        #[arg(long)]
        full: bool,
    },
    /// Measure a figure that the documentation quotes.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Check that the host program compiles for macOS, from Linux.
    Macos {
        /// Folder `library` of the compiler's sources, if not rustup's; Debian's package rust-src has it.
        #[arg(long)]
        library: Option<std::path::PathBuf>,
    },
    /// Check formatting, commit subjects, the repository's own rules, dependencies and clippy.
    Lint,
    /// Check the repository's own rules.
    Tidy {
        /// Apply automatic fixes first.
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

async fn run(task: XtaskCommand, workspace: &Workspace) -> Result<(), TaskError> {
    match task {
        XtaskCommand::Agent => agent::build(workspace).await.and_then(|built| print(&built.display().to_string())),
        XtaskCommand::Macos { library } => macos::check(workspace, library).await,
        XtaskCommand::Test { full: false } => test::run(workspace, test::TestExtent::Usual).await,
        XtaskCommand::Test { full: true } => test::run(workspace, test::TestExtent::Full).await,
        XtaskCommand::Bench(bench) => bench::run(workspace, bench).await,
        XtaskCommand::Lint => lint::run(workspace).await,
        XtaskCommand::Tidy { fix: false } => tidy::run(&workspace.root),
        XtaskCommand::Tidy { fix: true } => {
            tidy::protocol::fix(&workspace.root).and_then(|()| tidy::run(&workspace.root))
        }
    }
}
