//! The machine a measurement was made on, and a named virtual machine to measure.

use crate::agent;
use crate::workspace::{TaskError, Workspace, say};
use std::path::PathBuf;
use vmbuild_supervise::Command;

/// Processor, load and QEMU, for the line above a table.
pub(super) async fn describe(workspace: &Workspace) -> Result<String, TaskError> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let load = fs_err::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let qemu = workspace.read(workspace.program("qemu-system-x86_64").arg("--version")).await?;
    let qemu = qemu.lines().next().unwrap_or_default().to_owned();
    let model = model.trim_start_matches([' ', '\t', ':']);
    Ok(format!("{cpus} processors ({model}), load {load} at the start, {qemu}, tcg"))
}

/// Build profile of the measured program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CompiledProgram {
    /// As users get it.
    Release,
    /// As developers build it: to see a measurement run through, not to quote it.
    Dev,
}

impl CompiledProgram {
    /// Name for cargo's `--profile`.
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }

    /// Cargo's output folder, relative to the target folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }
}

/// vmbuild with its agent, which is always a release build, and a store to use.
pub(super) struct BenchProgram {
    path: PathBuf,
    agent: PathBuf,
    compiled: CompiledProgram,
    pub(super) store: PathBuf,
}

impl BenchProgram {
    /// Builds both. The store is `VMBUILD_HOME`, else the tests'.
    pub(super) async fn build(workspace: &Workspace, compiled: CompiledProgram) -> Result<Self, TaskError> {
        let agent = agent::build(workspace).await?;
        let build = ["build", "--profile", compiled.profile(), "--package", "vmbuild"];
        workspace.show(workspace.cargo().args(build)).await?;
        let target = agent::target_folder(workspace).await?;
        let store = std::env::var_os("VMBUILD_HOME").map_or_else(|| target.join("test-store"), PathBuf::from);
        Ok(Self { path: target.join(compiled.folder()).join("vmbuild"), agent, compiled, store })
    }

    /// Builds one of vmbuild's examples with the same profile.
    pub(super) fn example(&self, workspace: &Workspace, name: &str, args: &[&str]) -> Command {
        let run = workspace.cargo().args(["run", "--quiet", "--profile", self.compiled.profile()]);
        self.with_env(run.args(["--package", "vmbuild", "--example", name, "--"]).args(args))
    }

    /// A command line of vmbuild.
    pub(super) fn command(&self, workspace: &Workspace, args: &[&str]) -> Command {
        self.with_env(workspace.program(&self.path).args(args))
    }

    pub(super) fn with_env(&self, command: Command) -> Command {
        command.env("VMBUILD_HOME", &self.store).env("VMBUILD_AGENT", &self.agent)
    }

    /// Starts a new machine of this name.
    pub(super) async fn up(&self, workspace: &Workspace, name: &str, backend: &[&str]) -> Result<(), TaskError> {
        let args = [&["up", "--name", name, "--image", "debian-12"][..], backend].concat();
        workspace.read(self.command(workspace, &args)).await.map(drop)
    }

    /// Removes the machine. A missing one is not an error.
    pub(super) async fn destroy(&self, workspace: &Workspace, name: &str) {
        if let Err(error) = workspace.clean_up(self.command(workspace, &["destroy", "--name", name])).await {
            say(&format!("{name}: {error}"));
        }
    }
}
