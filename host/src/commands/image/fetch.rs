//! `vmbuild image fetch`: what an image is made from, here, without making anything of it.

use crate::cli::NamedImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, Cell};
use serde_json::json;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::{Image, ImageSource, fetch_cloud_disk, fetch_packages};

/// Downloads a publisher's disk, or the packages of an image that is bootstrapped; nothing, if they are here.
pub(super) async fn fetch(context: &CommandContext, args: &NamedImage) -> Result<CommandExit, Failure> {
    let Context { store, events, cancel } = &context.context;
    let image = Image::load(&args.name, store)?;
    let (about, row) = match &image.source {
        ImageSource::Bootstrap { .. } => {
            let lock = fetch_packages(store, &image, events, cancel).await?;
            let packages = lock.all().count();
            events.note(Part::Image, format!("{packages} packages are here, of {}", lock.release));
            let row = vec![Cell::from(image.name.as_str()), Cell::from(format!("{packages} packages"))];
            (json!({ "packages": packages, "release": lock.release }), row)
        }
        ImageSource::CloudImage(_) => {
            let disk = fetch_cloud_disk(&image, store, events, cancel).await?;
            let row = vec![
                Cell::from(image.name.as_str()),
                Cell::from(disk.release.as_str()),
                Cell::from(format!("sha256 {}", disk.sha256)),
                Cell::from(disk.record.provenance.to_string()),
                Cell::from(disk.path.display().to_string()),
            ];
            (json!({ "path": disk.path, "release": disk.release, "sha256": disk.sha256, "record": disk.record }), row)
        }
    };
    let text = if context.json {
        format!("{}\n", json!({ "schema": 1, "image": image.name, "fetched": about }))
    } else {
        report::columns(&[row])
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
