//! Vagrant compared with vmbuild: the same Debian, started by libvirt, until its SSH server lets Vagrant in.
//!
//! It needs a box, libvirt's daemon, and a hypervisor or QEMU's translation. If something is missing, the row names it.

use super::console::{ConsoleCost, processor_seconds};
use super::machine::BenchProgram;
use crate::agent;
use crate::workspace::{TaskError, Workspace, say};
use std::time::Instant;
use vmbuild_supervise::Command;

/// Prefix of the domain's name.
const NAME: &str = "vmbuild-bench";
const LIBVIRT: [&str; 2] = ["-c", "qemu:///system"];

/// Starts a halted machine: a first start would also import the box. Only once, since it takes minutes.
pub(super) async fn up(workspace: &Workspace, program: &BenchProgram) -> Result<ConsoleCost, String> {
    let name = ready(workspace).await?;
    let bench = VagrantBench { workspace, program, name };
    let measured = bench.measure().await;
    if let Err(error) = bench.run(&["destroy", "--force"]).await {
        say(&format!("{NAME}: {error}"));
    }
    measured.map_err(|error| format!("did not run: {error}").replace(['\n', '|'], " "))
}

/// The box to use, or the missing requirement.
async fn ready(workspace: &Workspace) -> Result<String, String> {
    let plugins = workspace.read(workspace.program("vagrant").args(["plugin", "list"])).await;
    let plugins = plugins.map_err(|_| "vagrant is not installed".to_owned())?;
    if !plugins.contains("vagrant-libvirt") {
        return Err("vagrant is installed without vagrant-libvirt".to_owned());
    }
    let answers = workspace.read(workspace.program("virsh").args(LIBVIRT).arg("version")).await;
    answers.map_err(|_| "not run: libvirtd does not answer".to_owned())?;
    let boxes = workspace.read(workspace.program("vagrant").args(["box", "list", "--machine-readable"])).await;
    let boxes = boxes.unwrap_or_default();
    let mut names = boxes.lines().filter_map(|line| line.split_once(",box-name,").map(|(_, name)| name.to_owned()));
    names.find(|name| name.starts_with("vmbuild/debian-12")).ok_or_else(|| {
        "not run: Vagrant has no box named `vmbuild/debian-12`; `vmbuild image export` makes one".to_owned()
    })
}

struct VagrantBench<'a> {
    workspace: &'a Workspace,
    program: &'a BenchProgram,
    name: String,
}

impl VagrantBench<'_> {
    async fn measure(&self) -> Result<ConsoleCost, TaskError> {
        self.run(&["up", "--provider", "libvirt", "--no-provision"]).await?;
        self.run(&["halt"]).await?;
        let since = Instant::now();
        self.run(&["up", "--no-provision"]).await?;
        let wall = since.elapsed().as_secs_f64();
        Ok(ConsoleCost { wall, processor: processor_seconds(Self::pid()?)? })
    }

    /// Process id of the domain's QEMU, as recorded by libvirt.
    fn pid() -> Result<u64, TaskError> {
        let text = fs_err::read_to_string(format!("/run/libvirt/qemu/{NAME}_default.pid"))?;
        text.trim().parse().map_err(|_| TaskError::Silent("libvirtd"))
    }

    async fn run(&self, words: &[&str]) -> Result<(), TaskError> {
        let folder = agent::target_folder(self.workspace).await?.join("bench/vagrant");
        let command: Command = self.program.with_env(self.workspace.program("vagrant").args(words));
        let command = command.env("VAGRANT_DOTFILE_PATH", folder).env("VAGRANT_CHECKPOINT_DISABLE", "1");
        let command = command.env("VMBUILD_BOX", &self.name).env("VMBUILD_IMAGE", "debian-12");
        let command = command.env("VMBUILD_NAME", NAME).env("VMBUILD_SHARE", "no").env("VMBUILD_DRIVER", "qemu");
        let command = command.env("VMBUILD_MEMORY", "512").env("VMBUILD_CPUS", "1");
        self.workspace.read(command).await.map(drop)
    }
}

/// Packer builds images and runs no machine: it boots Debian as the row of systemd does, and then waits for SSH.
pub(super) async fn why_no_packer(workspace: &Workspace) -> String {
    match workspace.read(workspace.program("packer").arg("version")).await {
        Ok(version) => {
            format!(
                "{} is installed but was not run: it boots as systemd does above, then waits for SSH",
                version.trim()
            )
        }
        Err(_) => "not installed".to_owned(),
    }
}
