//! Kernel command line parameters for the agent, which is the guest's `/init`.

use crate::{Lifetime, MachineSpec, Network};
use std::time::Duration;

/// Prefix of every line that the agent, as `/init`, prints on the console.
pub(crate) const CONSOLE_MARK: &str = "vmbuild-agent: ";

/// The virtio-serial port the agent serves on.
pub const AGENT_PORT: &str = "org.vmbuild.agent.0";

/// The vsock port it serves on: above the privileged ports, and used by nothing well-known.
pub(crate) const VSOCK_PORT: u32 = 30_306;

/// Everything the agent needs to set up the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentParameters {
    pub(crate) hostname: String,
    pub(crate) network: Network,
    /// The vsock port to serve on, if the machine has such a device.
    pub(crate) vsock_port: Option<u32>,
    /// The host's time, since the Unix epoch: a guest without a network has no other source.
    pub(crate) clock: Duration,
}

impl AgentParameters {
    /// The parameters of a machine. A job's host name is always the same: a random one could end up in the artifact.
    pub(crate) fn of(spec: &MachineSpec, vsock_port: Option<u32>, clock: Duration) -> Self {
        let hostname = match spec.lifetime {
            Lifetime::Job => "vmbuild".to_owned(),
            Lifetime::Named => spec.name.to_string(),
        };
        Self { hostname, network: spec.network, vsock_port, clock }
    }

    /// The parameters, in order. No value can contain a blank: they are names, numbers and constants.
    pub(crate) fn to_parameters(&self) -> Vec<String> {
        let network = match self.network {
            Network::None => "none",
            Network::Outgoing => "slirp",
        };
        let mut parameters = vec![
            "vmbuild.root=/dev/vda".to_owned(),
            format!("vmbuild.port={AGENT_PORT}"),
            format!("vmbuild.hostname={}", self.hostname),
            format!("vmbuild.net={network}"),
            format!("vmbuild.clock={}", self.clock.as_nanos()),
        ];
        parameters.extend(self.vsock_port.map(|port| format!("vmbuild.vsock={port}")));
        parameters
    }
}
