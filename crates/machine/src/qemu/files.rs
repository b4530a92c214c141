//! The names of QEMU's files in a machine's folder.

/// QEMU's end of the agent's virtio-serial port: a socket.
pub(crate) const AGENT: &str = "agent.sock";
/// QMP: a socket.
pub(crate) const MONITOR: &str = "qmp.sock";
/// Where `vhost-device-vsock` hears callers: a socket.
pub(crate) const VSOCK: &str = "vsock.sock";
/// Where it hears QEMU: a socket.
pub(crate) const VSOCK_DEVICE: &str = "vsock-device.sock";
/// What it had to say.
pub(crate) const VSOCK_LOG: &str = "vsock.log";
/// What the guest wrote to its serial console.
pub(crate) const CONSOLE: &str = "serial.log";
/// What QEMU itself had to say.
pub(crate) const LOG: &str = "qemu.log";
/// The machine's own disk.
pub(crate) const OVERLAY: &str = "overlay.qcow2";
/// What the overlay lies over.
pub(crate) const OVERLAY_BASE: &str = "overlay.base.json";
/// The variables of the machine's UEFI firmware.
pub(crate) const VARS: &str = "vars.fd";
