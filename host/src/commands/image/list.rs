//! `vmbuild image list`

use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, TableCell};
use serde_json::json;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::format::size;
use vmbuild_image::{GoldenInventory, ImageInventory};
use vmbuild_operations::image::{self, ImageListRequest};

/// Prints every known image.
pub(super) async fn list(context: &CommandContext) -> Result<CommandExit, Failure> {
    let images = image::list(context, ImageListRequest).await?.images;
    let text = if context.json {
        format!("{}\n", json!({ "schema": 1, "images": images }))
    } else {
        let head = ["NAME", "SOURCE", "RELEASE", "BASE", "GOLDEN", "DISKS", "SIZE", ""].map(TableCell::from).to_vec();
        let rows = images.iter().map(|image| row(image).into_iter().map(TableCell::from).collect());
        report::columns(&std::iter::once(head).chain(rows).collect::<Vec<Vec<TableCell>>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

fn row(image: &ImageInventory) -> Vec<String> {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let words = |golden: &mut dyn Iterator<Item = &GoldenInventory>| {
        or_dash(golden.map(|golden| golden.role).collect::<Vec<_>>().join(", "))
    };
    vec![
        image.name.clone(),
        image.source.to_owned(),
        image.release.clone(),
        if image.base { "here" } else { "-" }.to_owned(),
        words(&mut image.golden.iter()),
        words(&mut image.golden.iter().filter(|golden| golden.disk.is_some())),
        if image.bytes == 0 { "-".to_owned() } else { size(image.bytes) },
        remarks(image).join("; "),
    ]
}

fn remarks(image: &ImageInventory) -> Vec<String> {
    let default = image.default.then(|| "default".to_owned());
    let others = match image.others.len() {
        0 => None,
        others => Some(format!("{others} out of date: `vmbuild image prune`")),
    };
    default.into_iter().chain(others).collect()
}
