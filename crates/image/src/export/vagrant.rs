//! A box for Vagrant's libvirt provider: a tar archive of a description, a Vagrantfile and a disk.
//!
//! Vagrant starts it and logs in over SSH, which the golden tree does not offer: `login` adds what that takes.
//! Source: Vagrant's documentation, "Boxes: box file format"; vagrant-libvirt's, "Box format".

use super::make::{ExportJob, ExportOutput, hashed};
use super::{Compression, ExportError, disk, login, plain_tar};
use serde_json::json;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// What a machine of this box is started with unless the user's own Vagrantfile says otherwise.
const VAGRANTFILE: &str = r#"Vagrant.configure("2") do |config|
  config.vm.synced_folder ".", "/vagrant", disabled: true
  config.vm.provider :libvirt do |libvirt|
    libvirt.disk_bus = "virtio"
    libvirt.nic_model_type = "virtio"
  end
end
"#;

/// Gigabytes that the disk shows, rounded up: `disk::ROOT_BYTES` and what is around it.
const VIRTUAL_SIZE: u64 = 13;

/// Makes the box. Its disk is compressed, not the archive around it.
pub(super) async fn make(job: &mut ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    let kept = login::make(job).await?;
    let made = pack(job, &kept.folder.file("upper")).await;
    kept.folder.remove(&CancellationToken::new()).await.map_err(ExportError::machine)?;
    made
}

async fn pack(job: &mut ExportJob<'_>, layer: &Path) -> Result<ExportOutput, ExportError> {
    job.tree.add_layer(layer)?;
    disk::qcow2(job).await?;
    job.say("box");
    let about = json!({ "provider": "libvirt", "format": "qcow2", "virtual_size": VIRTUAL_SIZE });
    let info = json!({
        "image": job.golden.image(),
        "role": job.golden.role().word(),
        "golden": job.golden.digest(),
        "disk": if job.compression == Compression::None { "qcow2" } else { "qcow2, compressed" },
    });
    fs_err::write(job.work("metadata.json"), format!("{about}\n"))?;
    fs_err::write(job.work("info.json"), format!("{info}\n"))?;
    fs_err::write(job.work("Vagrantfile"), VAGRANTFILE)?;
    let files = [("metadata.json", "metadata.json"), ("info.json", "info.json"), ("Vagrantfile", "Vagrantfile")];
    let files = files.into_iter().chain([("box.img", "disk.qcow2")]);
    let entries = files.map(|(name, file)| (name.to_owned(), Some(job.work(file)))).collect();
    let to = job.work("output.box");
    plain_tar::write(to.clone(), entries).await?;
    hashed(to).await
}
