//! Transports of bytes to the agent. A session does not know which of them carries it.
//!
//! No single transport works everywhere: vsock needs a module of the host's kernel or a second process, and macOS has
//! neither; virtio-serial works wherever QEMU does, for one caller at a time; SSH reaches machines that others
//! start. Trying them one after
//! the other would make people wait for those that fail, so a machine's transports are tried concurrently, and the first agent to answer decides
//! ([`race`]).

mod connect;
mod race;
mod socket;
mod ssh;
#[cfg(test)]
mod tests;
mod way;

pub use connect::{ConnectError, Pipe, connect};
pub use race::race;
pub use race::{FailedTransport, RaceError, RaceResult};
pub use socket::connect_socket;
pub use ssh::{HostKeys, SshError, SshWay};
pub use way::{Transport, TransportKind};
