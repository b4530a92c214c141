//! The host's settings on the kernel's command line.

use std::time::Duration;

/// The `vmbuild.` parameters of `/proc/cmdline`. Other parameters belong to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmdline {
    /// Device of the root file system, such as `/dev/vda`: `vmbuild.root`.
    pub root: String,
    /// Name of the virtio-serial port to serve on: `vmbuild.port`.
    pub port: String,
    /// The vsock port to serve on as well, where the machine has such a device: `vmbuild.vsock`.
    pub vsock: Option<u32>,
    /// Host name: `vmbuild.hostname`.
    pub hostname: Option<String>,
    /// The network: `vmbuild.net`, by default none.
    pub net: NetworkMode,
    /// Time since the Unix epoch to set the clock to: `vmbuild.clock`, in nanoseconds.
    pub clock: Option<Duration>,
}

/// Network of a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum NetworkMode {
    /// Loopback only.
    None,
    /// QEMU's user-mode network.
    Slirp,
}

/// Why a command line is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmdlineError {
    /// A required parameter is missing.
    #[error("missing `{0}=`")]
    Missing(&'static str),
    /// An unknown `vmbuild.` parameter: the host has another version.
    #[error("unknown parameter `{0}`")]
    Unknown(String),
    /// Invalid value.
    #[error("invalid value `{value}` for `{parameter}`")]
    Bad {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: String,
    },
}

const ROOT: &str = "vmbuild.root";
const PORT: &str = "vmbuild.port";
const VSOCK: &str = "vmbuild.vsock";
const HOSTNAME: &str = "vmbuild.hostname";
const NET: &str = "vmbuild.net";
const CLOCK: &str = "vmbuild.clock";

impl Cmdline {
    /// Reads a command line. Of a parameter given twice the last one counts, as with the kernel's own.
    pub fn parse(text: &str) -> Result<Self, CmdlineError> {
        let (mut root, mut port, mut vsock) = (None, None, None);
        let (mut hostname, mut net, mut clock) = (None, NetworkMode::None, None);
        for word in text.split_ascii_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name {
                ROOT => root = Some(device(value)?),
                PORT => port = Some(filled(PORT, value)?),
                VSOCK => vsock = Some(number(value)?),
                HOSTNAME => hostname = Some(filled(HOSTNAME, value)?),
                NET => net = network(value)?,
                CLOCK => clock = Some(time(value)?),
                other if other.starts_with("vmbuild.") => return Err(CmdlineError::Unknown(other.to_owned())),
                _ => {}
            }
        }
        let (root, port) = (root.ok_or(CmdlineError::Missing(ROOT))?, port.ok_or(CmdlineError::Missing(PORT))?);
        Ok(Self { root, port, vsock, hostname, net, clock })
    }
}

fn bad(parameter: &'static str, value: &str) -> CmdlineError {
    CmdlineError::Bad { parameter, value: value.to_owned() }
}

fn filled(parameter: &'static str, value: &str) -> Result<String, CmdlineError> {
    if value.is_empty() { Err(bad(parameter, value)) } else { Ok(value.to_owned()) }
}

fn device(value: &str) -> Result<String, CmdlineError> {
    match value.strip_prefix("/dev/") {
        Some(name) if !name.is_empty() && !name.contains('/') => Ok(value.to_owned()),
        _ => Err(bad(ROOT, value)),
    }
}

fn network(value: &str) -> Result<NetworkMode, CmdlineError> {
    match value {
        "none" => Ok(NetworkMode::None),
        "slirp" => Ok(NetworkMode::Slirp),
        other => Err(bad(NET, other)),
    }
}

fn number(value: &str) -> Result<u32, CmdlineError> {
    value.parse().map_err(|_| bad(VSOCK, value))
}

fn time(value: &str) -> Result<Duration, CmdlineError> {
    value.parse().map(Duration::from_nanos).map_err(|_| bad(CLOCK, value))
}

#[cfg(test)]
mod tests {
    use super::{Cmdline, CmdlineError, NetworkMode};
    use std::time::Duration;

    fn words(root: &str, port: &str) -> Cmdline {
        Cmdline {
            root: root.into(),
            port: port.into(),
            vsock: None,
            hostname: None,
            net: NetworkMode::None,
            clock: None,
        }
    }

    fn check(text: &str, expect: Result<Cmdline, &str>) {
        let got = Cmdline::parse(text).map_err(|error: CmdlineError| error.to_string());
        assert_eq!(got, expect.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn reads_its_parameters_among_the_kernels() {
        check("vmbuild.root=/dev/vda vmbuild.port=p", Ok(words("/dev/vda", "p")));
        check(
            "console=ttyS0 quiet vmbuild.port=org.a.0 panic=-1 vmbuild.root=/dev/sda\n",
            Ok(words("/dev/sda", "org.a.0")),
        );
        check("vmbuild.root=/dev/vda vmbuild.port=a vmbuild.port=b", Ok(words("/dev/vda", "b")));
        let full = Cmdline {
            vsock: Some(1030),
            hostname: Some("job-1".into()),
            net: NetworkMode::Slirp,
            clock: Some(Duration::new(1_700_000_000, 5)),
            ..words("/dev/vda", "p")
        };
        check(
            "vmbuild.root=/dev/vda vmbuild.port=p vmbuild.vsock=1030 vmbuild.hostname=job-1 vmbuild.net=slirp vmbuild.clock=1700000000000000005",
            Ok(full),
        );
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        check("", Err("missing `vmbuild.root=`"));
        check("vmbuild.root=/dev/vda", Err("missing `vmbuild.port=`"));
        check("vmbuild.root=vda vmbuild.port=p", Err("invalid value `vda` for `vmbuild.root`"));
        check("vmbuild.root=/dev/../x vmbuild.port=p", Err("invalid value `/dev/../x` for `vmbuild.root`"));
        check("vmbuild.root=/dev/vda vmbuild.port=", Err("invalid value `` for `vmbuild.port`"));
        check("vmbuild.net=tap", Err("invalid value `tap` for `vmbuild.net`"));
        check("vmbuild.vsock=-1", Err("invalid value `-1` for `vmbuild.vsock`"));
        check("vmbuild.clock=-1", Err("invalid value `-1` for `vmbuild.clock`"));
        check("vmbuild.debug", Err("unknown parameter `vmbuild.debug`"));
    }
}
