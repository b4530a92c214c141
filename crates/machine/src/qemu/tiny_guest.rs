//! A guest of a hundred bytes, for tests: real QEMU boots it in a fraction of a second, and no kernel is needed.
//!
//! It is a Linux kernel as far as a boot loader looks at it (Linux, `Documentation/arch/x86/boot.rst`, protocol
//! 2.02): one sector, the header, and real-mode code where the kernel's set-up code would be.

use super::QemuBinary;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Its action after the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestEnding {
    /// Halts forever.
    Hang,
    /// Switches the machine off.
    PowerOff,
}

/// Where the code begins; the jump over the header goes there.
const CODE: usize = 0x280;

/// Prints `message` on the first serial port, then does as told.
pub(crate) fn image(message: &str, then: GuestEnding) -> Vec<u8> {
    let mut image = vec![0; 4096];
    image[0x1f1] = 4; // sectors of set-up code
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x200..0x202].copy_from_slice(&[0xeb, 0x7e]); // jmp CODE
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x0202u16.to_le_bytes());
    image[0x211] = 1; // loaded high
    let code = code(then);
    image[CODE..CODE + code.len()].copy_from_slice(&code);
    let text = CODE + code.len();
    image[text..text + message.len()].copy_from_slice(message.as_bytes());
    image
}

fn code(then: GuestEnding) -> Vec<u8> {
    let end: &[u8] = match then {
        GuestEnding::Hang => &[],
        // mov dx, 0x604; mov ax, 0x2000; out dx, ax: the board's power management register, "sleep 5".
        GuestEnding::PowerOff => &[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef],
    };
    let length = 15 + end.len() + 3;
    let text = u16::try_from(CODE - 0x200 + length).expect("the code is short").to_le_bytes();
    let mut code = vec![0xba, 0xf8, 0x03]; // mov dx, 0x3f8
    code.extend([0xbe, text[0], text[1]]); // mov si, text
    code.extend([0x2e, 0xac]); // next: cs lodsb
    code.extend([0x84, 0xc0, 0x74, 0x03]); // test al, al; jz end
    code.extend([0xee, 0xeb, 0xf7]); // out dx, al; jmp next
    code.extend(end);
    code.extend([0xf4, 0xeb, 0xfd]); // halt: hlt; jmp halt
    code
}

/// QEMU, if it is here and can run the tiny guest; otherwise says why the test is skipped.
pub(crate) async fn qemu_or_skip() -> Option<QemuBinary> {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("skipped: the tiny guest is x86 code");
        return None;
    }
    match QemuBinary::find(&CancellationToken::new()).await {
        Ok(qemu) => Some(qemu),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Writes the guest and an initramfs that is never looked at into `folder`.
pub(crate) fn write(folder: &Path, message: &str, then: GuestEnding) -> (PathBuf, PathBuf) {
    let (kernel, initramfs) = (folder.join("vmlinuz"), folder.join("initramfs"));
    fs_err::write(&kernel, image(message, then)).expect("the test's folder can be written to");
    fs_err::write(&initramfs, "none").expect("the test's folder can be written to");
    (kernel, initramfs)
}

/// The processes whose command line names something in `folder`.
pub(crate) fn processes_about(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("the test's folder is text").to_owned();
    let commands = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    let commands = commands.filter_map(|process| fs_err::read(process.path().join("cmdline")).ok());
    let commands = commands.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    commands.filter(|line| line.contains(&folder)).collect()
}
