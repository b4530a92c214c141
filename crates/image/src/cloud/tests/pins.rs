//! The pins that come with vmbuild, beside lists of checksums that their publishers really signed.

use super::super::SumsSignature;
use super::super::checksum_list::listed;
use super::super::keyrings::keyring;
use crate::{Image, ImageSource};
use vmbuild_fetch::signature::{KeyTime, verify_cleartext, verify_detached};

const UBUNTU: &[u8] = vmbuild_testkit::published::UBUNTU_SUMS;
const UBUNTU_SIGNATURE: &[u8] = vmbuild_testkit::published::UBUNTU_SUMS_SIGNATURE;
const FEDORA: &[u8] = vmbuild_testkit::published::FEDORA_CHECKSUM;

/// The signed text for this image's keyring.
fn signed(signature: &SumsSignature) -> String {
    match signature {
        SumsSignature::Detached { keyring: name, .. } => {
            let keyring = keyring(name).expect("an embedded keyring");
            verify_detached(&keyring, UBUNTU, UBUNTU_SIGNATURE, KeyTime::Now).expect("Canonical's");
            String::from_utf8(UBUNTU.to_vec()).expect("text")
        }
        SumsSignature::Cleartext { keyring: name } => {
            let keyring = keyring(name).expect("an embedded keyring");
            verify_cleartext(&keyring, FEDORA, KeyTime::Now).expect("Fedora's").0
        }
        SumsSignature::None { reason } => panic!("{reason}"),
    }
}

/// The publisher signed this pin. The lists are of these very releases: another release needs another list here.
fn check(image: &str, release: &str, arch: &str) {
    let Ok(Image { source: ImageSource::CloudImage(cloud), .. }) = Image::find(image) else { panic!("{image}") };
    if cloud.release != release {
        println!("skipped: {image} is pinned to {}, the signed list in the tests is of {release}", cloud.release);
        return;
    }
    let file = &cloud.file[arch];
    assert_eq!(listed(&signed(&cloud.signature), &file.name_in(release, arch)), Some(file.digest), "{image} {arch}");
}

#[test]
fn publishers_signed_these_pins() {
    check("ubuntu-24.04", "20260725", "x86_64");
    check("ubuntu-24.04", "20260725", "aarch64");
    check("fedora-44", "44-1.7", "aarch64");
}

#[test]
fn every_keyring_named_is_there() {
    for name in Image::known() {
        let image = Image::find(name).expect("an embedded image");
        let ImageSource::CloudImage(cloud) = image.source else { continue };
        match cloud.signature {
            SumsSignature::Detached { keyring: name, .. } | SumsSignature::Cleartext { keyring: name } => {
                keyring(&name).expect("an embedded keyring");
            }
            SumsSignature::None { reason } => assert!(!reason.is_empty(), "{name} must say why"),
        }
        assert_eq!(cloud.file.keys().collect::<Vec<_>>(), ["aarch64", "x86_64"], "{name}");
    }
}

/// Addresses as their publishers' servers have them.
#[test]
fn templates_become_addresses() {
    let check = |image: &str, arch: &str, expect: [&str; 3]| {
        let Ok(Image { source: ImageSource::CloudImage(cloud), .. }) = Image::find(image) else { panic!("{image}") };
        let release = "20260705";
        let disk = cloud.in_folder(&cloud.file[arch].name, release, arch);
        assert_eq!([disk, cloud.sums_url(release, arch), cloud.listing_url(arch)], expect);
    };
    let base = "https://cloud-images.ubuntu.com/releases/jammy";
    let jammy = format!("{base}/release-20260705/ubuntu-22.04-server-cloudimg-amd64.img");
    let sums = format!("{base}/release-20260705/SHA256SUMS");
    check("ubuntu-22.04", "x86_64", [&jammy, &sums, &format!("{base}/")]);
    let base = "https://download.fedoraproject.org/pub/fedora/linux/releases/44/Cloud/aarch64/images";
    let disk = format!("{base}/Fedora-Cloud-Base-Generic-20260705.aarch64.qcow2");
    let sums = format!("{base}/Fedora-Cloud-20260705-aarch64-CHECKSUM");
    check("fedora-44", "aarch64", [&disk, &sums, &format!("{base}/")]);
}
