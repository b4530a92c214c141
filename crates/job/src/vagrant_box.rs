//! The boxes that Vagrant machines start from.
//!
//! A named machine is somebody's box with the image's packages provisioned into it: that works where no golden machine
//! can be made. A job's machine has to be what the plan says, to the package; so it is a box of the golden machine.

use std::path::Path;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;
use vmbuild_image::{Compression, ExportContext, ExportFormat, ExportRequest, Golden, Image, box_digest, export};
use vmbuild_machine::VagrantBox;
use vmbuild_machine::vagrant::{add_box, has_box};

/// libvirt's way to run machines without a hypervisor.
const TRANSLATED: &str = "qemu";

/// Box settings from the environment, as the Vagrantfile reads them.
pub(crate) fn of_environment(image: &Image) -> VagrantBox {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    VagrantBox {
        name: variable("VMBUILD_BOX"),
        version: variable("VMBUILD_BOX_VERSION"),
        provider: variable("VAGRANT_DEFAULT_PROVIDER"),
        driver: variable("VMBUILD_DRIVER"),
        packages: image.lists_file(),
    }
}

/// True if Vagrant's machines are emulated, as far as it was said.
pub(crate) fn is_emulated() -> bool {
    std::env::var("VMBUILD_DRIVER").is_ok_and(|driver| driver == TRANSLATED)
}

/// A box of the golden machine: one that Vagrant has already, or made now.
pub(crate) async fn of_golden(context: &Context, golden: &Golden, agent: &Path) -> Result<VagrantBox, Failure> {
    let Context { store, events, cancel } = context;
    let name = format!("vmbuild/{}-{}-{}", golden.image(), golden.role().as_str(), &box_digest(golden)[..12]);
    if !has_box(&name, cancel).await? {
        events.note(Part::Machine, format!("making the box {name}"));
        let folder = tempfile::tempdir_in(store.cache()).map_err(StoreError::Io)?;
        let output = folder.path().join("golden.box");
        let compression = Some(Compression::None);
        let request = ExportRequest { format: ExportFormat::VagrantBox, compression, output, force: false };
        export(golden, &request, ExportContext { store, agent, events, cancel }).await?;
        add_box(&name, &request.output, events, cancel).await?;
    }
    let asked = of_environment(golden.description());
    // The box is one for libvirt, and has its packages.
    let provider = asked.provider.or_else(|| Some("libvirt".to_owned()));
    Ok(VagrantBox { name: Some(name), version: None, provider, ..asked })
}
