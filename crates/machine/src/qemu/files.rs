//! The names of QEMU's files in a machine's folder.

/// QEMU's end of the agent's virtio-serial port: a socket.
pub(crate) const AGENT: &str = "agent.sock";
/// QMP: a socket.
pub(crate) const MONITOR: &str = "qmp.sock";
/// Socket on which `vhost-device-vsock` accepts the host's connections.
pub(crate) const VSOCK: &str = "vsock.sock";
/// Socket on which it accepts QEMU's connection.
pub(crate) const VSOCK_DEVICE: &str = "vsock-device.sock";
/// Its output.
pub(crate) const VSOCK_LOG: &str = "vsock.log";
/// Output of the guest's serial console.
pub(crate) const CONSOLE: &str = "serial.log";
/// QEMU's own output.
pub(crate) const LOG: &str = "qemu.log";
/// The machine's own disk.
pub(crate) const OVERLAY: &str = "overlay.qcow2";
/// The base of the overlay.
pub(crate) const OVERLAY_BASE: &str = "overlay.base.json";
/// The variables of the machine's UEFI firmware.
pub(crate) const VARS: &str = "vars.fd";
