//! `vmbuild provision`: the image's packages in a machine that runs.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::ProvisionArgs;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::Image;
use vmbuild_machine::Machine;
use vmbuild_protocol::Stage;

/// Installs what the image's build role has and the machine lacks, such as after an update of vmbuild.
pub(crate) async fn provision(context: &CommandContext, args: ProvisionArgs) -> Result<CommandExit, Failure> {
    let machine = Machine::attach(&context.store, &args.target.name(), &context.cancel).await?.telling(&context.events);
    let image = Image::load(&machine.spec().image, &context.store)?;
    let lists = image.lists()?;
    let packages: Vec<String> = lists.toolchain.into_iter().chain(lists.cpython).collect();
    let phase = context.events.phase(Part::Machine, "provision", format!("{} packages", packages.len()));
    let manager = lists.manager;
    let order = vmbuild_protocol::Provision {
        manager,
        packages,
        sources: None,
        snapshot: image.snapshot(),
        epoch: None,
        stage: Stage::Whole,
    };
    let mut shown = phase.last_line();
    let installing = machine.session().provision(order, &context.cancel, |_, bytes| shown.hear(bytes));
    let installed = machine.ask(installing).await?;
    phase.finish(format!("{} packages installed", installed.len()));
    Ok(Exit::Success.into())
}
