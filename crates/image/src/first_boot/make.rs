//! All of a first boot, in order.

use super::kernel::OwnKernel;
use super::provision::Provisioned;
use super::{boot, firmware, generalise, grow, kernel, provision, seed, tree, words};
use crate::{Image, ImageError, Locking, host_tool, initramfs, settle};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{EventKind, Events, Part};
use vmbuild_core::failure::Failure;
use vmbuild_core::store::{Store, write_atomically};
use vmbuild_machine::accelerator::{self, AcceleratorError, BootFiles};
use vmbuild_machine::{Accelerator, BootMethod, Lifetime, Machine, MachineName, MachineSpec, Network, FirstBootSystem, Start};
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

/// What a first boot needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstBoot<'a> {
    /// Where machines live, and what is known about this host's hypervisor.
    pub(crate) store: &'a Store,
    /// What is made of the disk.
    pub(crate) image: &'a Image,
    /// The disk.
    pub(crate) disk: &'a BaseDisk,
    /// The static agent binary.
    pub(crate) agent: &'a Path,
    /// What the image's lock is to it.
    pub(crate) locking: Locking,
    /// How its kernel is started.
    pub(crate) firmware: FirmwareUse,
    /// Where it is told.
    pub(crate) events: &'a Events,
    /// The caller's cancellation.
    pub(crate) cancel: &'a CancellationToken,
}

/// Whether the image's own boot loader is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareUse {
    /// Only if its kernel cannot be found: it is slower.
    #[default]
    IfNeeded,
    /// Always.
    Always,
}

/// Makes `folder/clean` of a publisher's disk. Whatever else this needs in the folder is gone afterwards.
pub(crate) async fn make(first: FirstBoot<'_>, folder: &Path) -> Result<Provisioned, ImageError> {
    let work = folder.join("first-boot");
    fs_err::create_dir(&work)?;
    let machine = first.boot(&work).await?;
    let done = first.work(&machine, folder).await;
    let stopped = machine.stop().await;
    let provisioned = done?;
    stopped?;
    fs_err::remove_dir_all(work)?;
    let tree = folder.join("clean");
    provision::keep(&tree, &provisioned.lock, &first).await?;
    generalise::generalise(&tree, first.cancel).await?;
    settle::settle(folder, "clean", first.cancel).await?;
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
        let spec = self.spec(Start::FirstBoot { accelerator, system });
        boot::boot(spec, &way, self.store, self.events, self.cancel).await
    }

    async fn work(&self, machine: &Machine, folder: &Path) -> Result<Provisioned, ImageError> {
        grow::grow(machine, self.events, self.cancel).await?;
        let provisioned = provision::install(machine, self).await?;
        tree::fetch(machine, folder, self.events, self.cancel).await?;
        Ok(provisioned)
    }

    fn seed(&self, work: &Path) -> Result<PathBuf, ImageError> {
        let agent = fs_err::read(self.agent)?;
        let (meta, user, start) = (words::meta_data(), words::user_data(), words::start_script());
        let disk = seed::disk(&[
            ("meta-data", meta.as_bytes()),
            ("user-data", user.as_bytes()),
            ("start", start.as_bytes()),
            (words::AGENT, &agent),
        ])?;
        let path = work.join("seed.img");
        write_atomically(&path, &disk)?;
        Ok(path)
    }

    /// What starts the kernel, which is said together with its reason.
    fn way(&self, own: Option<OwnKernel>) -> Result<BootMethod, ImageError> {
        let (way, why) = if let Some(OwnKernel { kernel, initrd, root }) = own {
            let way = BootMethod::Kernel { kernel, initrd, cmdline: words::kernel_words(&root) };
            (way, "it can be told to start the agent first")
        } else {
            (firmware::way().ok_or(ImageError::NoFirmware)?, "the image's boot loader knows its kernel")
        };
        self.events.emit(EventKind::Chose { part: Part::Golden, what: format!("boot by {way}"), why: why.to_owned() });
        Ok(way)
    }

    /// The host's hypervisor if the image's own kernel runs under it.
    async fn accelerator(&self, own: Option<&OwnKernel>, work: &Path) -> Result<Accelerator, ImageError> {
        let boot = async || -> Result<BootFiles, Failure> {
            let own = own.ok_or(ImageError::NoFirmware)?;
            let modules = work.join("no-modules");
            fs_err::create_dir_all(&modules).map_err(ImageError::from)?;
            fs_err::write(modules.join("order"), "").map_err(ImageError::from)?;
            let initramfs = initramfs::ensure(work, &modules, self.agent).await.map_err(ImageError::from)?;
            Ok(BootFiles { kernel: own.kernel.clone(), initramfs })
        };
        let chosen = accelerator::choose(None, self.store, boot, self.events, self.cancel).await;
        let (accelerator, why) = match chosen {
            Ok(chosen) => (chosen.accelerator, chosen.why),
            Err(AcceleratorError::Boot(_)) => {
                (Accelerator::Tcg, "there is no kernel to try a hypervisor with".to_owned())
            }
            Err(error) => return Err(error.into()),
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
        let qemu_img = host_tool::find("qemu-img", "qemu-utils")?;
        let command = Command::new(qemu_img).args(["info", "--output=json", "-f", "qcow2"]).arg(&self.disk.path);
        let said = command.output(Deadline::after(Duration::from_mins(1)), self.cancel).await?;
        let about: DiskInfo = serde_json::from_slice(&said)
            .map_err(|source| ImageError::Damaged { path: self.disk.path.clone(), source })?;
        match about.backing_filename {
            None => Ok(about.virtual_size),
            // It would be opened, wherever it is.
            Some(other) => Err(ImageError::NotWhole { disk: self.disk.path.clone(), other }),
        }
    }

    fn spec(&self, start: Start) -> MachineSpec {
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
