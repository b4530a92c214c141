//! The machine's own disk: a qcow2 file with what differs from its base.
//!
//! An overlay holds blocks, not meaning: over any other base than its own it is garbage, and QEMU cannot tell. So
//! a note beside it says which base it was made over, and a machine with an overlay starts only over that one.

use super::{QemuError, binary, files};
use crate::machine::{Lifetime, MachineFolder};
use crate::store::write_atomically;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// Which file an overlay was made over. Bases are sealed, so a file that was not touched is the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseIdentity {
    schema: u32,
    path: PathBuf,
    bytes: u64,
    /// Nanoseconds since the Unix epoch.
    modified: u128,
}

impl BaseIdentity {
    fn of(base: &Path) -> io::Result<Self> {
        let about = fs_err::metadata(base)?;
        let modified = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(Self { schema: 1, path: base.to_owned(), bytes: about.len(), modified })
    }
}

/// Makes the overlay over `base`. A named machine that has one keeps it, with all that happened in it so far.
pub(crate) async fn prepare(
    folder: &MachineFolder,
    base: &Path,
    lifetime: Lifetime,
    cancel: &CancellationToken,
) -> Result<(), QemuError> {
    let identity = BaseIdentity::of(base)?;
    let overlay = folder.file(files::OVERLAY);
    if lifetime == Lifetime::Named && overlay.is_file() {
        return check(folder, &identity);
    }
    create(&overlay, base, cancel).await?;
    let note = serde_json::to_vec_pretty(&identity).map_err(io::Error::from)?;
    Ok(write_atomically(&folder.file(files::OVERLAY_BASE), &note)?)
}

fn check(folder: &MachineFolder, base: &BaseIdentity) -> Result<(), QemuError> {
    let note = fs_err::read(folder.file(files::OVERLAY_BASE))?;
    let noted: BaseIdentity = serde_json::from_slice(&note).map_err(io::Error::from)?;
    if noted == *base {
        return Ok(());
    }
    Err(QemuError::OtherBase { machine: folder.name().clone(), made_over: noted.path, base: base.path.clone() })
}

async fn create(overlay: &Path, base: &Path, cancel: &CancellationToken) -> Result<(), QemuError> {
    let program = binary::on_path("qemu-img")?;
    // Both paths are absolute, so neither can be taken for an option, or for a protocol (`json:`, `nbd:`).
    let made = Command::new(program)
        .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
        .arg(base)
        .arg(overlay)
        .run(Deadline::after(Duration::from_mins(1)), cancel, |_| {});
    made.await.map(drop).map_err(QemuError::from)
}
