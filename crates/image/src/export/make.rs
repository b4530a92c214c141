//! From a golden machine to a file of somebody else's format.

use super::compress::{Compressed, compress};
use super::place::{ExistingOutput, ExportPlace};
use super::tree::ExportTree;
use super::{Compression, ExportError, ExportFormat, disk, oci, vagrant};
use crate::Golden;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, PhaseGuard};
use vmbuild_core::store::Store;

/// What to export.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// As what.
    pub format: ExportFormat,
    /// How compressed; the format's usual way if not said.
    pub compression: Option<Compression>,
    /// Where to.
    pub output: PathBuf,
    /// Whether to replace what is there.
    pub force: bool,
}

impl ExportRequest {
    /// Refuses what cannot be, before a golden machine is made for it.
    pub fn judge(&self) -> Result<(), ExportError> {
        self.format.compression(self.compression)?;
        self.place().map(drop)
    }

    fn place(&self) -> Result<ExportPlace, ExportError> {
        ExportPlace::new(&self.output, if self.force { ExistingOutput::Replaced } else { ExistingOutput::Kept })
    }
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Where.
    pub path: PathBuf,
    /// As what.
    pub format: &'static str,
    /// How compressed.
    pub compression: &'static str,
    /// SHA-256 of the file, or of an OCI layout's manifest, in hex.
    pub sha256: String,
    /// Length of the file; of an OCI layout, of all its blobs.
    pub bytes: u64,
    /// How to try it, as a line for a shell.
    pub try_it: String,
}

/// What every format's maker gets.
#[derive(Debug)]
pub(super) struct ExportJob<'a> {
    pub(super) golden: &'a Golden,
    pub(super) store: &'a Store,
    pub(super) agent: &'a Path,
    pub(super) events: &'a Events,
    pub(super) tree: ExportTree,
    pub(super) compression: Compression,
    pub(super) running: &'a PhaseGuard,
    pub(super) cancel: &'a CancellationToken,
}

/// What a format's maker made in the work folder, on disk already.
#[derive(Debug)]
pub(super) struct ExportOutput {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// Exports a golden machine. A box is also given what people log in with: in a machine of `store`, by this agent.
pub async fn export(
    golden: &Golden,
    (store, agent): (&Store, &Path),
    request: &ExportRequest,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Exported, ExportError> {
    let compression = request.format.compression(request.compression)?;
    let place = request.place()?;
    let running = events.phase(Part::Image, "export", place.output().display().to_string());
    let work = place.work()?;
    let tree = ExportTree::new(work.path(), golden)?;
    let mut job = ExportJob { golden, store, agent, events, tree, compression, running: &running, cancel };
    let made = match request.format {
        ExportFormat::Qcow2 => disk::qcow2(&job).await?,
        ExportFormat::Raw => disk::raw(&job).await?,
        ExportFormat::RootfsTar => rootfs_tar(&job).await?,
        ExportFormat::Oci if is_one_file(place.output()) => oci::archive(&job).await?,
        ExportFormat::Oci => oci::layout(&job).await?,
        ExportFormat::VagrantBox => vagrant::make(&mut job).await?,
    };
    place.put(&made.path, work.path())?;
    let exported = Exported {
        path: place.output().to_owned(),
        format: request.format.word(),
        compression: compression.word(),
        sha256: made.sha256,
        bytes: made.bytes,
        try_it: try_it(request.format, golden, place.output()),
    };
    running.finish(format!("{} bytes, sha256 {}", exported.bytes, &exported.sha256[..12]));
    Ok(exported)
}

fn is_one_file(output: &Path) -> bool {
    output.extension().is_some_and(|extension| extension == "tar")
}

async fn rootfs_tar(job: &ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    job.say("packing the tree");
    job.tree.tar("rootfs.tar", job.cancel).await?;
    job.say("compressing");
    let to = job.work("output");
    let Compressed { sha256, bytes, .. } = compress(job.work("rootfs.tar"), to.clone(), job.compression).await?;
    Ok(ExportOutput { path: to, sha256, bytes })
}

impl ExportJob<'_> {
    /// A name in the work folder.
    pub(super) fn work(&self, name: &str) -> PathBuf {
        self.tree.work().join(name)
    }

    /// Says what is being done.
    pub(super) fn say(&self, line: &str) {
        self.running.advance(0, None, vmbuild_core::event::Unit::Lines, line);
    }
}

/// A file that is whole: puts it on disk and hashes it.
pub(super) async fn hashed(path: PathBuf) -> Result<ExportOutput, ExportError> {
    let file = path.clone();
    let hashing = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
        fs_err::File::open(&file)?.sync_all()?;
        vmbuild_archive::sha256_file(&file)
    });
    let (bytes, sha256) = hashing.await.map_err(std::io::Error::other)??;
    Ok(ExportOutput { path, sha256: hex::encode(sha256), bytes })
}

/// The line that shows that the export is what it says.
fn try_it(format: ExportFormat, golden: &Golden, output: &Path) -> String {
    let path = output.display();
    match format {
        ExportFormat::Qcow2 | ExportFormat::Raw => {
            let kind = format.word();
            format!("qemu-system-x86_64 -m 1024 -nographic -drive file={path},format={kind},if=virtio")
        }
        ExportFormat::RootfsTar => format!("tar --list --verbose --file {path}"),
        ExportFormat::Oci if is_one_file(output) => format!("skopeo inspect oci-archive:{path}"),
        ExportFormat::Oci => format!("skopeo inspect oci:{path}:{}", golden.role().word()),
        ExportFormat::VagrantBox => format!("vagrant box add --name vmbuild/{} {path}", golden.image()),
    }
}
