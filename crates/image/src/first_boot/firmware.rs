//! UEFI firmware on this host, in the places where distributions install it.

use std::path::Path;
use vmbuild_machine::BootMethod;

/// Code and variables that belong together, for one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FirmwarePlace {
    arch: &'static str,
    code: &'static str,
    vars: &'static str,
}

const fn at(arch: &'static str, code: &'static str, vars: &'static str) -> FirmwarePlace {
    FirmwarePlace { arch, code, vars }
}

/// In this order. Builds that demand signed boot loaders are left out: some need a board that vmbuild does not use.
const PLACES: [FirmwarePlace; 12] = [
    // Debian, Ubuntu: package ovmf.
    at("x86_64", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    at("x86_64", "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    // Fedora: package edk2-ovmf.
    at("x86_64", "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    // Arch Linux: package edk2-ovmf.
    at("x86_64", "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    // openSUSE: package qemu-ovmf-x86_64.
    at("x86_64", "/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    // Homebrew: package qemu, on Apple's and on Intel's processors.
    at("x86_64", "/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd"),
    at("x86_64", "/usr/local/share/qemu/edk2-x86_64-code.fd", "/usr/local/share/qemu/edk2-i386-vars.fd"),
    // Debian, Ubuntu: package qemu-efi-aarch64.
    at("aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    // Fedora: package edk2-aarch64.
    at("aarch64", "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"),
    // openSUSE: package qemu-uefi-aarch64.
    at("aarch64", "/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"),
    at("aarch64", "/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"),
    at("aarch64", "/usr/local/share/qemu/edk2-aarch64-code.fd", "/usr/local/share/qemu/edk2-arm-vars.fd"),
];

/// The firmware that boots a disk on this host: UEFI if there is one for this architecture, or else a PC's BIOS. `None`
/// where there is neither.
pub(super) fn way() -> Option<BootMethod> {
    way_among(&PLACES, std::env::consts::ARCH, |path| Path::new(path).is_file())
}

fn way_among(places: &[FirmwarePlace], arch: &str, exists: impl Fn(&str) -> bool) -> Option<BootMethod> {
    let found = places.iter().find(|place| place.arch == arch && exists(place.code) && exists(place.vars));
    match found {
        Some(place) => Some(BootMethod::Uefi { code: place.code.into(), vars: place.vars.into() }),
        None => (arch == "x86_64").then_some(BootMethod::Bios),
    }
}

/// The hint where there is none.
pub(crate) const FIRMWARE_HINT: &str = "UEFI firmware is missing: on Debian and Ubuntu, `apt install qemu-efi-aarch64` (or ovmf, on x86_64); on macOS, \
     `brew install qemu` has it";

#[cfg(test)]
mod tests {
    use super::{PLACES, way_among};
    use vmbuild_machine::BootMethod;

    fn check(arch: &str, there: &[&str], expect: Option<&str>) {
        let way = way_among(&PLACES, arch, |path| there.contains(&path));
        let told = way.map(|way| match way {
            BootMethod::Uefi { code, .. } => code.display().to_string(),
            other => other.to_string(),
        });
        assert_eq!(told.as_deref(), expect, "{arch} {there:?}");
    }

    #[test]
    fn whole_firmware_for_the_processor_is_taken() {
        let debian = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];
        check("x86_64", &debian, Some(debian[0]));
        check("x86_64", &debian[..1], Some("BIOS"));
        check("x86_64", &[], Some("BIOS"));
        check("aarch64", &debian, None);
        let arm = ["/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"];
        check("aarch64", &arm, Some(arm[0]));
        check("x86_64", &arm, Some("BIOS"));
        let homebrew = ["/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"];
        check("aarch64", &homebrew, Some(homebrew[0]));
        let intel = ["/usr/local/share/qemu/edk2-x86_64-code.fd", "/usr/local/share/qemu/edk2-i386-vars.fd"];
        check("x86_64", &intel, Some(intel[0]));
    }
}
