//! Boxes that Vagrant has installed.

use super::VagrantError;
use super::records::VagrantRecord;
use super::run::{UP, VagrantCommand};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;

/// Returns true if a box of this name is installed.
pub async fn has_box(name: &str, cancel: &CancellationToken) -> Result<bool, VagrantError> {
    let records = VagrantCommand::quiet("box list", &[]).run_without_machine(cancel).await?;
    Ok(records.iter().any(|record| matches!(record, VagrantRecord::Box(found) if found == name)))
}

/// Installs a box. Vagrant keeps a copy of the file.
pub async fn add_box(name: &str, file: &Path, events: &Events, cancel: &CancellationToken) -> Result<(), VagrantError> {
    let args = ["--force", "--name", name, &file.to_string_lossy()].map(str::to_owned).to_vec();
    let command = VagrantCommand { verb: "box add", args, limit: UP, events: Some(events) };
    command.run_without_machine(cancel).await.map(drop)
}
