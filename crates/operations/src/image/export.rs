//! `image export`: writes a golden machine in another program's format.

use crate::sweep::sweep;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_image::{ExportContext, ExportRequest, ExportedImage, Golden, GoldenRole, export as export_golden};
use vmbuild_machine::agent_binary;

/// A golden machine to export.
#[derive(Debug, Clone)]
pub struct ImageExportRequest {
    /// Name of the image, or path of an image file.
    pub image: String,
    /// Its role.
    pub role: GoldenRole,
    /// Format, compression and destination.
    pub output: ExportRequest,
}

/// A golden machine that was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageExportOutcome {
    /// Digest of the golden machine.
    pub golden: String,
    /// The file or folder that was written.
    pub exported: ExportedImage,
}

/// Prepares the golden machine if it does not exist, and exports it.
pub async fn export(context: &Context, request: ImageExportRequest) -> Result<ImageExportOutcome, Failure> {
    sweep(context).await?;
    let Context { store, events, cancel } = context;
    let agent = agent_binary::find()?;
    request.output.validate()?;
    let golden = Golden::prepare(store, &request.image, request.role, &agent, events, cancel).await?;
    let with = ExportContext { store, agent: &agent, events, cancel };
    let exported = export_golden(&golden, &request.output, with).await?;
    events.note(Part::Image, format!("try it: {}", exported.try_it));
    Ok(ImageExportOutcome { golden: golden.digest().to_owned(), exported })
}
