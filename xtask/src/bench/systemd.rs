//! Debian's usual boot: its own kernel and initramfs, udev, systemd, a login prompt. A box made by Vagrant or Packer
//! does all this before anybody can connect.

use super::console::{ConsoleCost, qemu, until};
use super::machine::BenchProgram;
use crate::agent;
use crate::workspace::{TaskError, Workspace};
use std::path::PathBuf;

const PACKAGES: &str = "systemd-sysv,udev,dbus,initramfs-tools,linux-image-cloud-amd64";
/// Apparent size of the disk.
const SIZE: &str = "2G";

/// A disk with its kernel and initramfs.
pub(super) struct SystemdBench {
    disk: PathBuf,
    kernel: PathBuf,
    initramfs: PathBuf,
}

impl SystemdBench {
    /// Makes the disk with mmdebstrap, or reuses an earlier run's. The archive is the golden machine's.
    pub(super) async fn make(workspace: &Workspace, program: &BenchProgram) -> Result<Self, TaskError> {
        let folder = agent::target_folder(workspace).await?.join("bench/systemd");
        let [tree, disk] = ["tree", "disk.ext4"].map(|name| folder.join(name));
        let made = Self { disk, kernel: tree.join("vmlinuz"), initramfs: tree.join("initrd.img") };
        if made.disk.is_file() {
            return Ok(made);
        }
        let (suite, archive) = origin(workspace, program).await?;
        if folder.is_dir() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(&folder)?;
        let include = format!("--include={PACKAGES}");
        let words = ["--variant=minbase", "--aptopt=APT::Install-Recommends \"false\"", &include, &suite];
        workspace.show(workspace.program("mmdebstrap").args(words).arg(&tree).arg(&archive)).await?;
        let new = folder.join("disk.new");
        let words = ["-q", "-t", "ext4", "-d"];
        workspace.show(workspace.program("/sbin/mke2fs").args(words).arg(&tree).arg(&new).arg(SIZE)).await?;
        fs_err::rename(new, &made.disk)?;
        Ok(made)
    }

    /// Boots it to its login prompt. Its writes are discarded.
    pub(super) async fn login(&self, workspace: &Workspace, board: &[&str]) -> Result<ConsoleCost, TaskError> {
        let drive = format!("file={},format=raw,if=virtio,snapshot=on", self.disk.display());
        let command = qemu(workspace, board).args(["-drive", &drive, "-append", "root=/dev/vda rw console=ttyS0"]);
        until(command.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs), "login: ").await
    }
}

/// The golden machine's suite and archive.
async fn origin(workspace: &Workspace, program: &BenchProgram) -> Result<(String, String), TaskError> {
    let said = workspace.read(program.command(workspace, &["image", "show", "debian-12", "--json"])).await?;
    let shown: serde_json::Value =
        serde_json::from_str(&said).map_err(|_| TaskError::Silent("vmbuild image show --json"))?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let (suite, archive) = (&shown["description"]["source"]["suite"], &shown["here"]["golden"][0]["archive"]);
    text(suite).zip(text(archive)).ok_or(TaskError::Silent("vmbuild image show --json"))
}
