//! An export, from a golden machine to a file in another format.

use super::compress::{CompressedFile, compress};
use super::destination::{ExistingOutput, ExportDestination};
use super::tree::ExportTree;
use super::{Compression, ExportError, ExportFormat, disk, oci, vagrant};
use crate::Golden;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, PhaseGuard};
use vmbuild_core::store::Store;

/// An export.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// The format.
    pub format: ExportFormat,
    /// The compression; the format's default if `None`.
    pub compression: Option<Compression>,
    /// The file or folder to write.
    pub output: PathBuf,
    /// If true, replace an existing one.
    pub force: bool,
}

impl ExportRequest {
    /// Validates the request, before a golden machine is built for it.
    pub fn validate(&self) -> Result<(), ExportError> {
        self.format.compression(self.compression)?;
        self.destination().map(drop)
    }

    fn destination(&self) -> Result<ExportDestination, ExportError> {
        ExportDestination::new(&self.output, if self.force { ExistingOutput::Replaced } else { ExistingOutput::Kept })
    }
}

/// Outcome of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedImage {
    /// The file or folder.
    pub path: PathBuf,
    /// The format.
    pub format: &'static str,
    /// The compression.
    pub compression: &'static str,
    /// SHA-256 of the file, or of an OCI layout's manifest, in hex.
    pub sha256: String,
    /// Length of the file; of an OCI layout, of all its blobs.
    pub bytes: u64,
    /// A command that tries it.
    pub try_it: String,
}

/// One export under way.
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

/// A synced result in the work folder.
#[derive(Debug)]
pub(super) struct ExportOutput {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// The environment of an export. A box gets its users and services in a machine of the store, by the agent.
#[derive(Debug, Clone, Copy)]
pub struct ExportContext<'a> {
    /// The store.
    pub store: &'a Store,
    /// The static agent binary.
    pub agent: &'a Path,
    /// Where progress is reported.
    pub events: &'a Events,
    /// The caller's cancellation.
    pub cancel: &'a CancellationToken,
}

/// Exports a golden machine.
pub async fn export(
    golden: &Golden,
    request: &ExportRequest,
    context: ExportContext<'_>,
) -> Result<ExportedImage, ExportError> {
    let ExportContext { store, agent, events, cancel } = context;
    let compression = request.format.compression(request.compression)?;
    let destination = request.destination()?;
    let running = events.phase(Part::Image, "export", destination.output().display().to_string());
    let work = destination.work()?;
    let tree = ExportTree::new(work.path(), golden)?;
    let mut job = ExportJob { golden, store, agent, events, tree, compression, running: &running, cancel };
    let made = match request.format {
        ExportFormat::Qcow2 => disk::qcow2(&job).await?,
        ExportFormat::Raw => disk::raw(&job).await?,
        ExportFormat::RootfsTar => rootfs_tar(&job).await?,
        ExportFormat::Oci if is_one_file(destination.output()) => oci::archive(&job).await?,
        ExportFormat::Oci => oci::layout(&job).await?,
        ExportFormat::VagrantBox => vagrant::make(&mut job).await?,
    };
    destination.put(&made.path, work.path())?;
    let exported = ExportedImage {
        path: destination.output().to_owned(),
        format: request.format.as_str(),
        compression: compression.as_str(),
        sha256: made.sha256,
        bytes: made.bytes,
        try_it: try_it(request.format, golden, destination.output()),
    };
    running.finish(format!("{} bytes, sha256 {}", exported.bytes, &exported.sha256[..12]));
    Ok(exported)
}

fn is_one_file(output: &Path) -> bool {
    output.extension().is_some_and(|extension| extension == "tar")
}

async fn rootfs_tar(job: &ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    job.report("packing the tree");
    job.tree.tar("rootfs.tar", job.cancel).await?;
    job.report("compressing");
    let to = job.work("output");
    let CompressedFile { sha256, bytes, .. } = compress(job.work("rootfs.tar"), to.clone(), job.compression).await?;
    Ok(ExportOutput { path: to, sha256, bytes })
}

impl ExportJob<'_> {
    /// A name in the work folder.
    pub(super) fn work(&self, name: &str) -> PathBuf {
        self.tree.work().join(name)
    }

    /// Reports the current step.
    pub(super) fn report(&self, line: &str) {
        self.running.advance(0, None, vmbuild_core::event::Unit::Lines, line);
    }
}

/// Syncs a complete file and hashes it.
pub(super) async fn hashed(path: PathBuf) -> Result<ExportOutput, ExportError> {
    let file = path.clone();
    let hash = move || {
        fs_err::File::open(&file)?.sync_all()?;
        vmbuild_archive::sha256_file(&file)
    };
    let (bytes, sha256) = vmbuild_core::blocking(hash).await?;
    Ok(ExportOutput { path, sha256: hex::encode(sha256), bytes })
}

/// The command that tries the export.
fn try_it(format: ExportFormat, golden: &Golden, output: &Path) -> String {
    let path = output.display();
    match format {
        ExportFormat::Qcow2 | ExportFormat::Raw => {
            let kind = format.as_str();
            format!("qemu-system-x86_64 -m 1024 -nographic -drive file={path},format={kind},if=virtio")
        }
        ExportFormat::RootfsTar => format!("tar --list --verbose --file {path}"),
        ExportFormat::Oci if is_one_file(output) => format!("skopeo inspect oci-archive:{path}"),
        ExportFormat::Oci => format!("skopeo inspect oci:{path}:{}", golden.role().as_str()),
        ExportFormat::VagrantBox => format!("vagrant box add --name vmbuild/{} {path}", golden.image()),
    }
}
