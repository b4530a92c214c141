//! `vmbuild image build`

use crate::cli::BuildImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, TableCell};
use serde_json::{Value, json};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::LockMode;
use vmbuild_operations::image::{self, BuiltGolden, ImageBuildOutcome, ImageBuildRequest};

/// Prepares golden machines and prints their digests.
pub(super) async fn build(context: &CommandContext, args: BuildImage) -> Result<CommandExit, Failure> {
    let request = ImageBuildRequest {
        image: args.name,
        roles: args.role.each().to_vec(),
        with_disk: args.disk,
        force: args.force,
        mode: if args.locked { LockMode::Locked } else { LockMode::Compare },
        update_lock: args.update_lock,
    };
    let outcome = image::build(context, request).await?;
    report::to_stdout(&if context.json { as_json(&outcome) } else { as_table(&outcome) })?;
    Ok(Exit::Success.into())
}

fn as_json(outcome: &ImageBuildOutcome) -> String {
    let golden: Vec<Value> = outcome.golden.iter().map(document).collect();
    format!("{}\n", json!({ "schema": 1, "image": outcome.image, "golden": golden }))
}

fn document(built: &BuiltGolden) -> Value {
    let golden = &built.golden;
    let mut document = json!({
        "role": golden.role().as_str(),
        "digest": golden.digest(),
        "root_digest": built.root_digest,
        "tree": golden.tree().layers,
        "package_list": golden.packages(),
    });
    if let Some(disk) = &built.disk {
        document["disk"] = json!({ "path": disk.disk, "kernel": disk.kernel, "initramfs": disk.initramfs });
    }
    document
}

fn as_table(outcome: &ImageBuildOutcome) -> String {
    let head = ["IMAGE", "ROLE", "DIGEST", "ROOT FILE SYSTEM"].map(TableCell::from).to_vec();
    let rows = outcome.golden.iter().map(|built| {
        let root = built.root_digest.as_deref().unwrap_or_default();
        [&outcome.image, built.golden.role().as_str(), built.golden.digest(), root].map(TableCell::from).to_vec()
    });
    report::columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
