//! `image build`: prepares golden machines without a job for them.

use crate::sweep::sweep;
use std::path::PathBuf;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_image::{Golden, GoldenRequest, GoldenRole, Image, LockMode, discard, write_lock};
use vmbuild_machine::{RootDisk, agent_binary};

/// Golden machines to prepare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuildRequest {
    /// Name of the image, or path of an image file.
    pub image: String,
    /// Roles to prepare, in this order.
    pub roles: Vec<GoldenRole>,
    /// Also make the disk, kernel and initramfs that QEMU starts from.
    pub with_disk: bool,
    /// Make them again even if they exist.
    pub force: bool,
    /// How the image's lock file is treated.
    pub mode: LockMode,
    /// Folder to write a new lock file into.
    pub update_lock: Option<PathBuf>,
}

/// Golden machines that exist now.
#[derive(Debug)]
pub struct ImageBuildOutcome {
    /// The image's name.
    pub image: String,
    /// One per role, in the order of the request.
    pub golden: Vec<BuiltGolden>,
}

/// A golden machine that was prepared.
#[derive(Debug)]
pub struct BuiltGolden {
    /// The machine, kept from being deleted.
    pub golden: Golden,
    /// Digest of its root file system, if it was recorded.
    pub root_digest: Option<String>,
    /// The files QEMU starts from, if they were asked for.
    pub disk: Option<RootDisk>,
}

/// Prepares golden machines.
pub async fn build(context: &Context, request: ImageBuildRequest) -> Result<ImageBuildOutcome, Failure> {
    sweep(context).await?;
    let image = Image::load(&request.image, &context.store)?;
    if request.force {
        discard(&context.store, &request.image, &context.cancel).await?;
    }
    let mut golden = Vec::new();
    for &role in &request.roles {
        golden.push(build_one(context, &image, &request, role).await?);
    }
    Ok(ImageBuildOutcome { image: image.name, golden })
}

async fn build_one(
    context: &Context,
    image: &Image,
    request: &ImageBuildRequest,
    role: GoldenRole,
) -> Result<BuiltGolden, Failure> {
    let Context { store, events, cancel } = context;
    let agent = agent_binary::find()?;
    let wanted = GoldenRequest { image, role, mode: request.mode };
    let golden = Golden::prepare_as(store, wanted, &agent, events, cancel).await?;
    if let Some(folder) = &request.update_lock {
        let written = write_lock(folder, &golden.package_lock()?)?;
        events.note(Part::Image, format!("wrote the packages it is made of to {}", written.display()));
    }
    let root_digest = golden.root_digest()?.map(|(digest, _)| digest);
    let disk = if request.with_disk { Some(golden.disk(&agent, events, cancel).await?) } else { None };
    Ok(BuiltGolden { golden, root_digest, disk })
}
