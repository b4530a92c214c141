//! `vmbuild image build`: golden machines without a job for them.

use crate::cli::BuildImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, Cell};
use serde_json::{Value, json};
use vmbuild_core::context::Context;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::{Golden, GoldenRequest, GoldenRole, Image, LockMode, discard, write_lock};
use vmbuild_machine::agent_binary;

/// Prepares golden machines and prints their digests.
pub(super) async fn build(context: &CommandContext, args: BuildImage) -> Result<CommandExit, Failure> {
    let image = Image::load(&args.name, &context.store)?;
    if args.force {
        discard(&context.store, &args.name, &context.cancel).await?;
    }
    let mut all = Vec::new();
    for &role in args.role.each() {
        let golden = golden(context, &args, role).await?;
        if let Some(folder) = &args.update_lock {
            let written = write_lock(folder, &golden.package_lock()?)?;
            context.events.note(Part::Image, format!("{} is what it is made of now", written.display()));
        }
        all.push(made(context, golden, args.disk).await?);
    }
    print(context, &image.name, &all)
}

async fn golden(context: &CommandContext, args: &BuildImage, role: GoldenRole) -> Result<Golden, Failure> {
    let agent = agent_binary::find()?;
    let Context { store, events, cancel } = &context.context;
    let mode = if args.locked { LockMode::Locked } else { LockMode::Compare };
    Ok(Golden::prepare_as(store, GoldenRequest { image: &args.name, role, mode }, &agent, events, cancel).await?)
}

/// What is said about a golden machine that is here now.
async fn made(context: &CommandContext, golden: Golden, with_disk: bool) -> Result<Value, Failure> {
    let mut about = json!({
        "role": golden.role().as_str(),
        "digest": golden.digest(),
        "root_digest": golden.root_digest()?.map(|(digest, _)| digest),
        "tree": golden.tree().layers,
        "package_list": golden.packages(),
    });
    if with_disk {
        let events: &Events = &context.events;
        let disk = golden.disk(&agent_binary::find()?, events, &context.cancel).await?;
        about["disk"] = json!({ "path": disk.disk, "kernel": disk.kernel, "initramfs": disk.initramfs });
    }
    Ok(about)
}

fn print(context: &CommandContext, image: &str, golden: &[Value]) -> Result<CommandExit, Failure> {
    let text = if context.json {
        format!("{}\n", json!({ "schema": 1, "image": image, "golden": golden }))
    } else {
        let word = |about: &Value, name: &str| Cell::from(about[name].as_str().unwrap_or_default());
        let rows = golden.iter().map(|about| {
            vec![Cell::from(image), word(about, "role"), word(about, "digest"), word(about, "root_digest")]
        });
        let head = ["IMAGE", "ROLE", "DIGEST", "ROOT FILE SYSTEM"].map(Cell::from).to_vec();
        report::columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}
