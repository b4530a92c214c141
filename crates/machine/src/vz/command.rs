//! The command line of `vfkit`.
//!
//! Source: vfkit, `doc/usage.md`.

use crate::agent_parameters::{AgentParameters, VSOCK_PORT};
use crate::{MachineFolder, MachineSpec, Network, RootDisk};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The machine's own disk, in its folder.
const DISK: &str = "disk.img";
/// The socket that leads to the agent's vsock port, in the machine's folder.
const SOCKET: &str = "vsock.sock";

/// A path that an option's value cannot contain: `vfkit` separates parameters by commas and has no escape for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` contains a comma, a quote or bytes that are not UTF-8, which `vfkit` cannot be given", .0.display())]
pub struct UnquotablePath(pub PathBuf);

/// A `vfkit` to start, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfkitCommand {
    cpus: u32,
    memory_mib: u64,
    kernel: String,
    initrd: String,
    cmdline: String,
    disk: String,
    vsock_socket: String,
    serial_log: String,
    network: Network,
}

impl VfkitCommand {
    /// The `vfkit` that runs `spec` over a copy of `root`'s disk. `clock` is the host's time, since the Unix epoch.
    pub fn new(
        spec: &MachineSpec,
        root: &RootDisk,
        folder: &MachineFolder,
        clock: Duration,
    ) -> Result<Self, UnquotablePath> {
        let mut parameters = ["console=hvc0", "panic=-1", "quiet"].map(str::to_owned).to_vec();
        parameters.extend(AgentParameters::of(spec, Some(VSOCK_PORT), clock).to_parameters());
        Ok(Self {
            cpus: spec.cpus,
            memory_mib: spec.memory_mib,
            kernel: quotable(&root.kernel)?,
            initrd: quotable(&root.initramfs)?,
            cmdline: parameters.join(" "),
            disk: quotable(&folder.file(DISK))?,
            vsock_socket: quotable(&folder.file(SOCKET))?,
            serial_log: quotable(&folder.console())?,
            network: spec.network,
        })
    }

    /// The command line after the program's name. Equal machines give equal lines.
    pub fn arguments(&self) -> Vec<String> {
        let Self { kernel, initrd, cmdline, disk, vsock_socket, serial_log, .. } = self;
        let mut arguments = vec![
            "--cpus".to_owned(),
            self.cpus.to_string(),
            "--memory".to_owned(),
            self.memory_mib.to_string(),
            // It would listen on a TCP port of the host.
            "--restful-uri".to_owned(),
            "none://".to_owned(),
            "--bootloader".to_owned(),
            format!("linux,kernel={kernel},initrd={initrd},cmdline=\"{cmdline}\""),
        ];
        let mut device = |value: String| arguments.extend(["--device".to_owned(), value]);
        device(format!("virtio-blk,path={disk}"));
        device(format!("virtio-vsock,port={VSOCK_PORT},socketURL={vsock_socket},connect"));
        device(format!("virtio-serial,logFilePath={serial_log}"));
        device("virtio-rng".to_owned());
        if self.network == Network::Outgoing {
            device("virtio-net,nat".to_owned());
        }
        arguments
    }
}

fn quotable(path: &Path) -> Result<String, UnquotablePath> {
    let text = path.to_str().filter(|text| !text.contains([',', '"']));
    text.map(str::to_owned).ok_or_else(|| UnquotablePath(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{UnquotablePath, VfkitCommand};
    use crate::{Lifetime, MachineFolder, MachineSpec, Network, RootDisk, StartSource};
    use std::path::Path;
    use std::time::Duration;

    fn root(folder: &str) -> RootDisk {
        let file = |name: &str| Path::new(folder).join(name);
        RootDisk {
            disk: file("root.ext4"),
            kernel: file("vmlinuz"),
            initramfs: file("initramfs"),
            digest: "ab12".to_owned(),
        }
    }

    fn command(network: Network, root: &RootDisk) -> Result<VfkitCommand, UnquotablePath> {
        let spec = MachineSpec {
            name: "job-0a1b2c3d".parse().expect("a good name"),
            image: "debian-12".to_owned(),
            cpus: 4,
            memory_mib: 4096,
            network,
            lifetime: Lifetime::Job,
            agent: "/usr/lib/vmbuild/vmbuild-agent".into(),
            start: StartSource::Vz { root: root.clone() },
        };
        let folder = MachineFolder::new(Path::new("/store/machines"), spec.name.clone());
        VfkitCommand::new(&spec, root, &folder, Duration::new(1_700_000_000, 5))
    }

    /// One switch and its value to a line.
    fn lines(command: &VfkitCommand) -> String {
        let arguments = command.arguments();
        arguments.chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn job_without_a_network() {
        let job = command(Network::None, &root("/store/images/debian-12/ab12")).expect("plain paths");
        insta::assert_snapshot!(lines(&job));
    }

    #[test]
    fn a_network_is_one_device_more() {
        let of = |network| lines(&command(network, &root("/g")).expect("plain paths"));
        let (with, without) = (of(Network::Outgoing), of(Network::None));
        let added: Vec<_> = with.lines().filter(|line| !without.contains(line)).collect();
        assert_eq!(added.last(), Some(&"--device virtio-net,nat"));
    }

    #[test]
    fn paths_that_cannot_be_quoted_are_refused() {
        for folder in ["/a,b", "/a\"b"] {
            let refused = command(Network::None, &root(folder)).expect_err(folder);
            assert_eq!(refused, UnquotablePath(Path::new(folder).join("vmlinuz")));
        }
    }
}
