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

/// The driver of libvirt that runs machines without a hypervisor.
const EMULATING: &str = "qemu";

/// Options of Vagrant machines as a user gives them; `None` is the Vagrantfile's choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VagrantRequest {
    /// Name of the box for named machines.
    pub box_name: Option<String>,
    /// Its version.
    pub box_version: Option<String>,
    /// Vagrant provider, such as `libvirt`.
    pub provider: Option<String>,
    /// Driver of libvirt: `kvm` or `qemu`.
    pub driver: Option<String>,
}

impl VagrantRequest {
    /// The box of a named machine, provisioned with the image's packages.
    pub(crate) fn named_box(&self, image: &Image) -> VagrantBox {
        let Self { box_name, box_version, provider, driver } = self.clone();
        VagrantBox { name: box_name, version: box_version, provider, driver, packages: image.lists_file() }
    }

    /// True if the driver emulates the machine's processor.
    pub(crate) fn is_emulated(&self) -> bool {
        self.driver.as_deref() == Some(EMULATING)
    }
}

/// A box of the golden machine: one that Vagrant has already, or made now.
pub(crate) async fn of_golden(
    context: &Context,
    golden: &Golden,
    request: &VagrantRequest,
    agent: &Path,
) -> Result<VagrantBox, Failure> {
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
    let asked = request.named_box(golden.description());
    // The box is one for libvirt, and has its packages.
    let provider = asked.provider.or_else(|| Some("libvirt".to_owned()));
    Ok(VagrantBox { name: Some(name), version: None, provider, ..asked })
}
