//! `provision`: installs the image's packages in a named machine that runs.

use crate::named::{attach, traced};
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_image::Image;
use vmbuild_machine::MachineName;
use vmbuild_protocol::{Package, Provision, Stage};

/// A machine to install packages in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionRequest {
    /// Its name.
    pub name: MachineName,
}

/// The packages that a machine has after provisioning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionOutcome {
    /// All of them, as its package manager lists them.
    pub installed: Vec<Package>,
}

/// Installs what the image's build role has and the machine lacks, such as after an update of vmbuild.
pub async fn provision(context: &Context, request: ProvisionRequest) -> Result<ProvisionOutcome, Failure> {
    traced(context, &request.name, install(context, &request.name)).await
}

async fn install(context: &Context, name: &MachineName) -> Result<ProvisionOutcome, Failure> {
    let machine = attach(context, name).await?;
    let image = Image::load(&machine.spec().image, &context.store)?;
    let lists = image.lists()?;
    let packages: Vec<String> = lists.toolchain.into_iter().chain(lists.cpython).collect();
    let phase = context.events.phase(Part::Machine, "provision", format!("{} packages", packages.len()));
    let manager = lists.manager;
    let snapshot = image.snapshot();
    let order = Provision { manager, packages, sources: None, snapshot, epoch: None, stage: Stage::Whole };
    let mut shown = phase.last_line();
    let installing = machine.session().provision(order, &context.cancel, |_, bytes| shown.hear(bytes));
    let installed = machine.ask(installing).await?;
    phase.finish(format!("{} packages installed", installed.len()));
    Ok(ProvisionOutcome { installed })
}
