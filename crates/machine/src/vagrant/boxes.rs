//! The boxes that Vagrant has.

use super::VagrantError;
use super::records::VagrantRecord;
use super::run::{UP, VagrantCommand};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;

/// Whether a box of this name is there.
pub async fn has_box(name: &str, cancel: &CancellationToken) -> Result<bool, VagrantError> {
    let records = VagrantCommand::quiet("box list", &[]).run_for_none(cancel).await?;
    Ok(records.iter().any(|record| matches!(record, VagrantRecord::Box(found) if found == name)))
}

/// Gives Vagrant a box, which it keeps a copy of.
pub async fn add_box(name: &str, file: &Path, events: &Events, cancel: &CancellationToken) -> Result<(), VagrantError> {
    let args = ["--force", "--name", name, &file.to_string_lossy()].map(str::to_owned).to_vec();
    let order = VagrantCommand { verb: "box add", args, limit: UP, events: Some(events) };
    order.run_for_none(cancel).await.map(drop)
}
