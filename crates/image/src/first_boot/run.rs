//! All of a first boot, in order.

use super::kernel::OwnKernel;
use super::provision::ProvisionedDisk;
use super::{FirstBootError, boot, firmware, generalise, grow, guest_config, kernel, provision, seed, tree};
use crate::golden::normalize;
use crate::kernel::ensure_initramfs;
use crate::{Image, ImageError, LockMode, host_tool};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{EventKind, Events, Part};
use vmbuild_core::failure::Failure;
use vmbuild_core::store::{Store, write_atomically};
use vmbuild_machine::accelerator::{self, AcceleratorError, BootFiles};
use vmbuild_machine::{
    Accelerator, BootMethod, FirstBootSystem, Lifetime, Machine, MachineName, MachineSpec, Network, StartSource,
};
use vmbuild_supervise::{Command, Deadline};

/// Room beyond the image's own for packages and their lists, in bytes. The overlay takes what is used.
const ROOM: u64 = 4 << 30;

/// Memory of the machine, in MiB.
const MEMORY: u64 = 2048;

/// A publisher's disk, verified. It is only ever read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseDisk {
    /// A qcow2 file.
    pub(crate) path: PathBuf,
    /// Its SHA-256 in hex.
    pub(crate) sha256: String,
}

/// A first boot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstBoot<'a> {
    /// The store, with machines and this host's accelerator.
    pub(crate) store: &'a Store,
    /// The image.
    pub(crate) image: &'a Image,
    /// The disk.
    pub(crate) disk: &'a BaseDisk,
    /// The static agent binary.
    pub(crate) agent: &'a Path,
    /// How the image's lock is used.
    pub(crate) mode: LockMode,
    /// Use of firmware to start its kernel.
    pub(crate) firmware: FirmwareUse,
    /// Where progress is reported.
    pub(crate) events: &'a Events,
    /// The caller's cancellation.
    pub(crate) cancel: &'a CancellationToken,
}

/// Use of the image's own boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareUse {
    /// Only if its kernel cannot be found: it is slower.
    #[default]
    IfNeeded,
    /// Always.
    Always,
}

/// Creates `folder/clean` from a publisher's disk. Work files in the folder are removed.
pub(crate) async fn run_first_boot(first: FirstBoot<'_>, folder: &Path) -> Result<ProvisionedDisk, ImageError> {
    let work = folder.join("first-boot");
    fs_err::create_dir(&work)?;
    let machine = first.boot(&work).await?;
    let done = first.work(&machine, folder).await;
    let stopped = machine.stop().await;
    let provisioned = done?;
    stopped?;
    fs_err::remove_dir_all(work)?;
    let tree = folder.join("clean");
    provision::cache_packages(&tree, &provisioned.lock, &first).await?;
    generalise::generalise(&tree, first.cancel).await?;
    normalize::normalize_tree(folder, "clean", first.cancel).await?;
    Ok(provisioned)
}

impl FirstBoot<'_> {
    async fn boot(&self, work: &Path) -> Result<Machine, ImageError> {
        let bytes = self.size().await? + ROOM;
        let seed = self.seed(work)?;
        let own = match self.firmware {
            FirmwareUse::IfNeeded => kernel::take(&self.disk.path, work, self.cancel).await?,
            FirmwareUse::Always => None,
        };
        let accelerator = self.accelerator(own.as_ref(), work).await?;
        let boot = self.way(own)?;
        let way = boot.to_string();
        let (path, sha256) = (self.disk.path.clone(), self.disk.sha256.clone());
        let system = FirstBootSystem { disk: path, digest: sha256, bytes, seed, boot };
        let spec = self.spec(StartSource::FirstBoot { accelerator, system });
        boot::boot(spec, &way, self.store, self.events, self.cancel).await
    }

    async fn work(&self, machine: &Machine, folder: &Path) -> Result<ProvisionedDisk, ImageError> {
        grow::grow(machine, self.events, self.cancel).await?;
        let provisioned = provision::install(machine, self).await?;
        tree::fetch(machine, folder, self.events, self.cancel).await?;
        Ok(provisioned)
    }

    fn seed(&self, work: &Path) -> Result<PathBuf, ImageError> {
        let agent = fs_err::read(self.agent)?;
        let (meta, user, start) = (guest_config::meta_data(), guest_config::user_data(), guest_config::start_script());
        let disk = seed::disk(&[
            ("meta-data", meta.as_bytes()),
            ("user-data", user.as_bytes()),
            ("start", start.as_bytes()),
            (guest_config::AGENT, &agent),
        ])?;
        let path = work.join("seed.img");
        write_atomically(&path, &disk)?;
        Ok(path)
    }

    /// The way its kernel is started, emitted as an event with its reason.
    fn way(&self, own: Option<OwnKernel>) -> Result<BootMethod, ImageError> {
        let (way, why) = if let Some(OwnKernel { kernel, initrd, root }) = own {
            let way = BootMethod::Kernel { kernel, initrd, cmdline: guest_config::kernel_arguments(&root) };
            (way, "it can start the agent first")
        } else {
            (firmware::way().ok_or(FirstBootError::NoFirmware)?, "the image's boot loader knows its kernel")
        };
        self.events.emit(EventKind::Chose { part: Part::Golden, what: format!("boot by {way}"), why: why.to_owned() });
        Ok(way)
    }

    /// The host's accelerator, if the image's own kernel runs under it.
    async fn accelerator(&self, own: Option<&OwnKernel>, work: &Path) -> Result<Accelerator, ImageError> {
        let boot = async || -> Result<BootFiles, Failure> {
            let own = own.ok_or(FirstBootError::NoFirmware).map_err(ImageError::from)?;
            let modules = work.join("no-modules");
            fs_err::create_dir_all(&modules).map_err(ImageError::from)?;
            fs_err::write(modules.join("order"), "").map_err(ImageError::from)?;
            let initramfs = ensure_initramfs(work, &modules, self.agent).await.map_err(ImageError::from)?;
            Ok(BootFiles { kernel: own.kernel.clone(), initramfs })
        };
        let chosen = accelerator::choose(None, self.store, boot, self.events, self.cancel).await;
        let (accelerator, why) = match chosen {
            Ok(chosen) => (chosen.accelerator, chosen.why),
            Err(AcceleratorError::Boot(_)) => {
                (Accelerator::Tcg, "there is no kernel to test an accelerator with".to_owned())
            }
            Err(error) => return Err(FirstBootError::from(error).into()),
        };
        self.events.emit(EventKind::Chose { part: Part::Golden, what: format!("first boot under {accelerator}"), why });
        Ok(accelerator)
    }

    /// The size of the disk that the file holds, in bytes.
    async fn size(&self) -> Result<u64, ImageError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct DiskInfo {
            virtual_size: u64,
            backing_filename: Option<String>,
        }
        let qemu_img = host_tool::find_program("qemu-img", "qemu-utils")?;
        let command = Command::new(qemu_img).args(["info", "--output=json", "-f", "qcow2"]).arg(&self.disk.path);
        let said = command.output(Deadline::after(Duration::from_mins(1)), self.cancel).await?;
        let about: DiskInfo = serde_json::from_slice(&said)
            .map_err(|source| FirstBootError::Damaged { disk: self.disk.path.clone(), source })?;
        match about.backing_filename {
            None => Ok(about.virtual_size),
            // QEMU would open it, wherever it is.
            Some(backing) => Err(FirstBootError::BackingFile { disk: self.disk.path.clone(), backing }.into()),
        }
    }

    fn spec(&self, start: StartSource) -> MachineSpec {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        MachineSpec {
            name: MachineName::for_job(),
            image: self.image.name.clone(),
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            memory_mib: MEMORY,
            network: Network::Outgoing,
            lifetime: Lifetime::Job,
            agent: self.agent.to_owned(),
            start,
        }
    }
}
