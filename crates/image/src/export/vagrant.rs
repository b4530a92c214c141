//! A box for Vagrant's libvirt provider: a tar archive of a description, a Vagrantfile and a disk.
//!
//! Vagrant starts it and logs in over SSH, which the golden tree does not offer: `login` adds it.
//! Source: Vagrant's documentation, "Boxes: box file format"; vagrant-libvirt's, "Box format".

use super::job::{ExportJob, ExportOutput, hashed};
use super::plain_tar::{self, TarEntry};
use super::{Compression, ExportError, disk, login};
use serde_json::json;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The defaults of a machine of this box, which the user's own Vagrantfile may override.
const VAGRANTFILE: &str = r#"Vagrant.configure("2") do |config|
  config.vm.synced_folder ".", "/vagrant", disabled: true
  config.vm.provider :libvirt do |libvirt|
    libvirt.disk_bus = "virtio"
    libvirt.nic_model_type = "virtio"
  end
end
"#;

/// Size of the disk in gigabytes, rounded up: `disk::ROOT_BYTES` and partition table.
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
    job.report("box");
    let about = json!({ "provider": "libvirt", "format": "qcow2", "virtual_size": VIRTUAL_SIZE });
    let info = json!({
        "image": job.golden.image(),
        "role": job.golden.role().as_str(),
        "golden": job.golden.digest(),
        "disk": if job.compression == Compression::None { "qcow2" } else { "qcow2, compressed" },
    });
    fs_err::write(job.work("metadata.json"), format!("{about}\n"))?;
    fs_err::write(job.work("info.json"), format!("{info}\n"))?;
    fs_err::write(job.work("Vagrantfile"), VAGRANTFILE)?;
    let files = [("metadata.json", "metadata.json"), ("info.json", "info.json"), ("Vagrantfile", "Vagrantfile")];
    let files = files.into_iter().chain([("box.img", "disk.qcow2")]);
    let entries = files.map(|(name, file)| TarEntry { name: name.to_owned(), file: Some(job.work(file)) }).collect();
    let to = job.work("output.box");
    plain_tar::write(to.clone(), entries).await?;
    hashed(to).await
}
