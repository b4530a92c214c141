//! Kernel modules that came with the initramfs: disk, file system, serial port and network are modules in a
//! distribution's kernel.

use super::InitError;
use fs_err::File;
use rustix::io::Errno;
use std::path::Path;

/// Where the initramfs has them.
pub(super) const FOLDER: &str = "/modules";
/// `MODULE_INIT_COMPRESSED_FILE` of `linux/module.h`: the kernel itself unpacks `.ko.xz` and `.ko.zst`.
const COMPRESSED: i32 = 4;

/// Drivers that a guest does not need in order to serve its host: network cards and vsock. They may be loaded later.
const LATE: [&str; 6] = [
    "failover",
    "net_failover",
    "virtio_net",
    "vmw_vsock_virtio_transport",
    "vmw_vsock_virtio_transport_common",
    "vsock",
];

/// A module that is open, so that it can still be loaded when the initramfs is gone.
#[derive(Debug)]
pub(super) struct KernelModule {
    name: String,
    file: File,
}

/// The modules that `order` in `folder` names, in that order: those to load immediately, and those that can wait. Without
/// such a file there are none: the kernel has everything built in.
pub(super) fn open_all(folder: &Path) -> Result<(Vec<KernelModule>, Vec<KernelModule>), InitError> {
    let order = folder.join("order");
    if !order.exists() {
        return Ok((Vec::new(), Vec::new()));
    }
    let names = parse_order(&fs_err::read_to_string(order)?);
    let modules = names.into_iter().map(|name| KernelModule::open(folder, name)).collect::<Result<Vec<_>, _>>()?;
    Ok(modules.into_iter().partition(|module| !module.can_wait()))
}

/// Loads them, in their order.
pub(super) fn load_all(modules: Vec<KernelModule>) -> Result<(), InitError> {
    modules.into_iter().try_for_each(KernelModule::load)
}

/// File names, one a line; blank lines and lines starting with `#` do not count.
fn parse_order(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

impl KernelModule {
    fn open(folder: &Path, name: String) -> Result<Self, InitError> {
        let file = File::open(folder.join(&name))?;
        Ok(Self { name, file })
    }

    fn can_wait(&self) -> bool {
        self.name.split('.').next().is_some_and(|name| LATE.contains(&name))
    }

    fn load(self) -> Result<(), InitError> {
        let plain = Path::new(&self.name).extension().is_some_and(|end| end == "ko");
        match rustix::system::finit_module(self.file.file(), c"", if plain { 0 } else { COMPRESSED }) {
            // Already there, as a module or (with some kernels) built in.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(InitError::Module { name: self.name, source: error.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{load_all, open_all, parse_order};

    #[test]
    fn an_order_is_one_name_a_line() {
        assert_eq!(parse_order(""), Vec::<String>::new());
        assert_eq!(parse_order("virtio.ko\nvirtio_blk.ko.xz\n"), ["virtio.ko", "virtio_blk.ko.xz"]);
        assert_eq!(parse_order("# first\n\n  ext4.ko \r\n"), ["ext4.ko"]);
    }

    #[test]
    fn no_order_means_no_modules() {
        let folder = tempfile::tempdir().unwrap();
        let (now, late) = open_all(folder.path()).unwrap();
        assert!(now.is_empty() && late.is_empty());
    }

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("order"), names.join("\n")).unwrap();
        for name in names {
            fs_err::write(folder.path().join(name), "not a module").unwrap();
        }
        folder
    }

    #[test]
    fn network_and_vsock_can_wait_and_keep_their_order() {
        let folder = folder(&["virtio.ko", "failover.ko", "virtio_blk.ko.xz", "virtio_net.ko.zst", "vsock.ko"]);
        let (now, late) = open_all(folder.path()).unwrap();
        let names =
            |modules: &[super::KernelModule]| modules.iter().map(|module| module.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&now), ["virtio.ko", "virtio_blk.ko.xz"]);
        assert_eq!(names(&late), ["failover.ko", "virtio_net.ko.zst", "vsock.ko"]);
    }

    #[test]
    fn an_error_names_the_module() {
        let folder = folder(&["broken.ko"]);
        let (now, _) = open_all(folder.path()).unwrap();
        let error = load_all(now).unwrap_err();
        assert_eq!(error.to_string(), "failed to load kernel module broken.ko");
    }
}
