//! `vmbuild image fetch` and `build`: golden machines without a job for them.

use crate::agent_binary;
use crate::cli::{BuildImage, NamedImage};
use crate::commands::context::Context;
use crate::commands::program::Ending;
use crate::event::{Events, Part};
use crate::failure::{Exit, Failure};
use crate::image::{Golden, Image, Role, Source, discard};
use crate::report::{self, Cell};
use crate::store::StoreError;
use serde_json::{Value, json};

/// Brings an image's base here. A bootstrapped image's base is its clean golden machine.
pub(super) async fn fetch(context: &Context, args: &NamedImage) -> Result<Ending, Failure> {
    match Image::find(&args.name)?.source {
        Source::Bootstrap { .. } => {
            context.events.note(Part::Image, "nothing to download: it is made from packages");
            let golden = golden(context, &args.name, Role::Clean).await?;
            print(context, &args.name, &[made(context, golden, false).await?])
        }
    }
}

/// Prepares golden machines and prints their digests.
pub(super) async fn build(context: &Context, args: BuildImage) -> Result<Ending, Failure> {
    Image::find(&args.name)?;
    if args.force {
        discard(&context.store, &args.name, &context.cancel).await?;
    }
    let mut all = Vec::new();
    for &role in args.role.each() {
        let golden = golden(context, &args.name, role).await?;
        all.push(made(context, golden, args.disk).await?);
    }
    print(context, &args.name, &all)
}

async fn golden(context: &Context, image: &str, role: Role) -> Result<Golden, Failure> {
    let agent = agent_binary::find()?;
    let Context { store, events, cancel, .. } = context;
    Ok(Golden::prepare(store, image, role, &agent, events, cancel).await?)
}

/// What is said about a golden machine that is here now.
async fn made(context: &Context, golden: Golden, with_disk: bool) -> Result<Value, Failure> {
    let mut about = json!({
        "role": golden.role().word(),
        "digest": golden.digest(),
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

fn print(context: &Context, image: &str, golden: &[Value]) -> Result<Ending, Failure> {
    let text = if context.json {
        format!("{}\n", json!({ "schema": 1, "image": image, "golden": golden }))
    } else {
        let word = |about: &Value, name: &str| Cell::from(about[name].as_str().unwrap_or_default());
        let rows: Vec<Vec<Cell>> =
            golden.iter().map(|about| vec![Cell::from(image), word(about, "role"), word(about, "digest")]).collect();
        report::columns(&rows)
    };
    report::to_stdout(&text).map_err(StoreError::Io)?;
    Ok(Exit::Success.into())
}
