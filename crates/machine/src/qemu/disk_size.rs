//! Making the disk of a running machine larger.
//!
//! The overlay grows, not its base: behind the base's end it reads as zeros until the guest writes there. The guest's
//! kernel is notified immediately; its file system grows when its agent is told to.

use super::machine::{proven_monitor, recorded_uuid};
use super::options::OVERLAY;
use super::{QemuError, files};
use crate::{MachineFolder, MachineRecord};
use std::io::Read;
use std::time::Duration;
use vmbuild_supervise::Deadline;

/// Time QEMU has to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Makes the machine's disk `bytes` long. Shrinking is refused, because data at the end would be lost.
pub(super) async fn grow_disk(folder: &MachineFolder, record: &MachineRecord, bytes: u64) -> Result<(), QemuError> {
    let has = virtual_size(folder)?;
    if bytes < has {
        return Err(QemuError::Shrinking { machine: folder.name().clone(), has: has >> 20, asked: bytes >> 20 });
    }
    if bytes > has {
        let uuid = recorded_uuid(folder, record)?;
        let mut qmp = proven_monitor(folder, uuid, Deadline::after(ANSWER)).await?;
        qmp.block_resize(OVERLAY, bytes).await?;
    }
    Ok(())
}

/// The length the guest sees. Source: QEMU, `docs/interop/qcow2.txt`: bytes 24 to 31 of the header, big-endian.
fn virtual_size(folder: &MachineFolder) -> Result<u64, QemuError> {
    let mut header = [0; 32];
    fs_err::File::open(folder.file(files::OVERLAY))?.read_exact(&mut header)?;
    let mut size = [0; 8];
    size.copy_from_slice(&header[24..]);
    Ok(u64::from_be_bytes(size))
}
