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

/// Loads the modules that `order` in `folder` names, in that order. No such file means that there are none: the
/// kernel has everything built in. Returns how many it loaded.
pub(super) fn load_all(folder: &Path) -> Result<usize, InitError> {
    let order = folder.join("order");
    if !order.exists() {
        return Ok(0);
    }
    let names = parse_order(&fs_err::read_to_string(order)?);
    for name in &names {
        load(&folder.join(name)).map_err(|source| InitError::Module { name: name.clone(), source })?;
    }
    Ok(names.len())
}

/// File names, one a line; blank lines and lines starting with `#` do not count.
fn parse_order(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

fn load(path: &Path) -> std::io::Result<()> {
    let file = File::open(path)?;
    let flags = if path.extension().is_some_and(|end| end == "ko") { 0 } else { COMPRESSED };
    match rustix::system::finit_module(file.file(), c"", flags) {
        // Already there, as a module or (with some kernels) built in.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{load_all, parse_order};

    #[test]
    fn an_order_is_one_name_a_line() {
        assert_eq!(parse_order(""), Vec::<String>::new());
        assert_eq!(parse_order("virtio.ko\nvirtio_blk.ko.xz\n"), ["virtio.ko", "virtio_blk.ko.xz"]);
        assert_eq!(parse_order("# first\n\n  ext4.ko \r\n"), ["ext4.ko"]);
    }

    #[test]
    fn no_order_means_no_modules() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load_all(folder.path()).unwrap(), 0);
    }

    #[test]
    fn an_error_names_the_module() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("order"), "broken.ko\n").unwrap();
        fs_err::write(folder.path().join("broken.ko"), "not a module").unwrap();
        let error = load_all(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "failed to load kernel module broken.ko");
    }
}
