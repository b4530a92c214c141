//! The machine's own disk: a qcow2 overlay with the differences from its base.
//!
//! Over any other base than its own an overlay is garbage, and QEMU cannot tell. So
//! a file next to it names the base it was made over, and a machine with an overlay starts only over that base.

use super::options::BlockFormat;
use super::{QemuError, binary, files};
use crate::{FirstBootSystem, Lifetime, MachineFolder, RootDisk};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::write_atomically;
use vmbuild_supervise::{Command, Deadline};

/// Base of an overlay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverlayBase<'a> {
    path: &'a Path,
    format: BlockFormat,
    digest: &'a str,
    /// The overlay's size, where it is not the base's.
    bytes: Option<u64>,
}

impl<'a> OverlayBase<'a> {
    pub(crate) fn root(root: &'a RootDisk) -> Self {
        Self { path: &root.disk, format: BlockFormat::Raw, digest: &root.digest, bytes: None }
    }

    pub(crate) fn system(system: &'a FirstBootSystem) -> Self {
        Self { path: &system.disk, format: BlockFormat::Qcow2, digest: &system.digest, bytes: Some(system.bytes) }
    }
}

/// Identity of an overlay's base. Bases are sealed, so an unmodified file is the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseIdentity {
    schema: u32,
    path: PathBuf,
    bytes: u64,
    /// Nanoseconds since the Unix epoch.
    modified: u128,
    /// Digest of its contents.
    #[serde(default)]
    digest: String,
}

impl BaseIdentity {
    fn of(base: &OverlayBase<'_>) -> io::Result<Self> {
        let about = fs_err::metadata(base.path)?;
        let modified = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let (path, digest) = (base.path.to_owned(), base.digest.to_owned());
        Ok(Self { schema: 1, path, bytes: about.len(), modified, digest })
    }
}

/// Makes the overlay over `base`. A named machine that has an overlay keeps it.
pub(crate) async fn prepare(
    folder: &MachineFolder,
    base: &OverlayBase<'_>,
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

async fn create(overlay: &Path, base: &OverlayBase<'_>, cancel: &CancellationToken) -> Result<(), QemuError> {
    let program = binary::on_path("qemu-img")?;
    // Both paths are absolute, so neither can be taken for an option, or for a protocol (`json:`, `nbd:`).
    let made = Command::new(program)
        .args(["create", "-q", "-f", "qcow2", "-F", base.format.as_str(), "-b"])
        .arg(base.path)
        .arg(overlay)
        .args(base.bytes.map(|bytes| bytes.to_string()))
        .run(Deadline::after(Duration::from_mins(1)), cancel, |_| {});
    made.await.map(drop).map_err(QemuError::from)
}
