//! The files that make an exported disk boot without vmbuild: kernel, initramfs, the boot loader's menu, and a first
//! process.
//!
//! The golden tree has no init system, and none is added. If it has an `/sbin/init`, that is started; otherwise
//! `/usr/sbin/vmbuild-init`, a shell script, opens a root shell on every console.

use super::ExportError;
use super::job::ExportJob;
use crate::kernel::{CpioArchive, MODULE_ORDER};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The statically linked shell that loads modules and finds the root file system.
const BUSYBOX: &str = "/bin/busybox";

/// Folders of the first root file system.
const FOLDERS: [&str; 7] = ["bin", "dev", "modules", "newroot", "proc", "run", "sys"];

const FIRST: &str = include_str!("initramfs-init.sh");
const INIT: &str = include_str!("vmbuild-init.sh");

/// Writes the files for a root file system with this UUID.
pub(super) async fn write_boot_files(job: &ExportJob<'_>, root: &str) -> Result<(), ExportError> {
    if !Path::new(BUSYBOX).is_file() {
        return Err(ExportError::NoFile { path: BUSYBOX.into(), package: "busybox-static" });
    }
    let (kernel, top) = (job.golden.kernel(), job.tree.top());
    let name = format!("{} ({})", job.golden.image(), job.golden.role().as_str());
    let menu = menu(&name, root);
    Ok(vmbuild_core::blocking(move || write(&kernel, &top, &menu, &name)).await?)
}

fn write(kernel: &Path, top: &Path, menu: &str, name: &str) -> std::io::Result<()> {
    for folder in ["boot", "boot/grub", "usr", "usr/sbin"] {
        fs_err::create_dir(top.join(folder))?;
        fs_err::set_permissions(top.join(folder), std::fs::Permissions::from_mode(0o755))?;
    }
    let put = |path: &str, mode: u32, contents: &[u8]| -> std::io::Result<()> {
        fs_err::write(top.join(path), contents)?;
        fs_err::set_permissions(top.join(path), std::fs::Permissions::from_mode(mode))
    };
    put("boot/vmlinuz", 0o644, &fs_err::read(kernel.join("vmlinuz"))?)?;
    put("boot/initramfs", 0o644, &initramfs(&kernel.join("modules"))?)?;
    put("boot/grub/grub.cfg", 0o644, menu.as_bytes())?;
    put("usr/sbin/vmbuild-init", 0o755, INIT.replace("@NAME@", name).as_bytes())
}

fn initramfs(modules: &Path) -> std::io::Result<Vec<u8>> {
    let mut cpio = CpioArchive::new(Vec::new());
    for folder in FOLDERS {
        cpio.folder(folder)?;
    }
    cpio.device("dev/console", 5, 1)?;
    cpio.file("init", 0o755, FIRST.as_bytes())?;
    cpio.file("bin/busybox", 0o755, &fs_err::read(BUSYBOX)?)?;
    let order = fs_err::read_to_string(modules.join(MODULE_ORDER))?;
    cpio.file("modules/order", 0o644, order.as_bytes())?;
    for name in order.lines() {
        cpio.file(&format!("modules/{name}"), 0o644, &fs_err::read(modules.join(name))?)?;
    }
    cpio.finish()
}

/// The menu: screen and serial line, no waiting.
fn menu(name: &str, root: &str) -> String {
    format!(
        "# Written by vmbuild.\n\
         serial --unit=0 --speed=115200\n\
         terminal_input console serial\n\
         terminal_output console serial\n\
         set timeout=0\n\
         menuentry \"{name}\" {{\n\
         \x20   linux /boot/vmlinuz root=UUID={root} rw console=tty0 console=ttyS0,115200 panic=10\n\
         \x20   initrd /boot/initramfs\n\
         }}\n"
    )
}

impl crate::Golden {
    /// The folder with its kernel, and the modules for its first root file system.
    fn kernel(&self) -> PathBuf {
        self.folder().kernel()
    }
}

#[cfg(test)]
mod tests {
    use super::menu;
    use insta::assert_snapshot;

    #[test]
    fn the_menu_names_the_root_by_its_uuid() {
        assert_snapshot!(menu("debian-12 (clean)", "ffffffff-ffff-8fff-bfff-ffffffffffff"));
    }
}
