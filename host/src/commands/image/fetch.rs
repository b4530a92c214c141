//! `vmbuild image fetch`

use crate::cli::NamedImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, TableCell};
use serde_json::{Value, json};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_operations::image::{self, FetchedBase, ImageFetchOutcome, ImageFetchRequest};

/// Fetches an image's base and prints its release and digest.
pub(super) async fn fetch(context: &CommandContext, args: NamedImage) -> Result<CommandExit, Failure> {
    let outcome = image::fetch(context, ImageFetchRequest { image: args.name }).await?;
    let text = if context.json {
        format!("{}\n", json!({ "schema": 1, "image": outcome.image, "fetched": document(&outcome.base) }))
    } else {
        report::columns(&[row(&outcome)])
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

fn document(base: &FetchedBase) -> Value {
    match base {
        FetchedBase::Packages { count, release } => json!({ "packages": count, "release": release }),
        FetchedBase::Disk(disk) => {
            json!({ "path": disk.path, "release": disk.release, "sha256": disk.sha256, "record": disk.record })
        }
    }
}

fn row(outcome: &ImageFetchOutcome) -> Vec<TableCell> {
    let about = match &outcome.base {
        FetchedBase::Packages { count, .. } => vec![format!("{count} packages")],
        FetchedBase::Disk(disk) => vec![
            disk.release.clone(),
            format!("sha256 {}", disk.sha256),
            disk.record.provenance.to_string(),
            disk.path.display().to_string(),
        ],
    };
    std::iter::once(outcome.image.clone()).chain(about).map(TableCell::from).collect()
}
