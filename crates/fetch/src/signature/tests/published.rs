//! Files that Canonical and Fedora published, checked with the keys compiled into vmbuild.

use crate::signature::{KeyTime, Keyring, SignatureError, verify_cleartext, verify_detached};

const UBUNTU_KEY: &[u8] = include_bytes!("../../../../../images/keyrings/ubuntu-cloud-images.asc");
const FEDORA_KEY: &[u8] = include_bytes!("../../../../../images/keyrings/fedora-44.asc");
// Of the release 20260725 of Ubuntu 24.04.
const SUMS: &[u8] = vmbuild_testkit::published::UBUNTU_SUMS;
const SIGNATURE: &[u8] = vmbuild_testkit::published::UBUNTU_SUMS_SIGNATURE;
const CHECKSUM: &[u8] = vmbuild_testkit::published::FEDORA_CHECKSUM;

fn keyring(bytes: &[u8]) -> Keyring {
    Keyring::parse(bytes).expect("a keyring")
}

#[test]
fn the_keys_are_the_publishers() {
    // Of the signed images, and of the same images' builder. Source: images/keyrings/README.md.
    let canonical = ["D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81", "4A3CE3CD565D7EB5C810E2B97FF3F408476CF100"];
    assert_eq!(keyring(UBUNTU_KEY).fingerprints(), canonical);
    assert_eq!(keyring(FEDORA_KEY).fingerprints(), ["36F612DCF27F7D1A48A835E4DBFCF71C6D9F90A6"]);
}

#[test]
fn several_blocks_make_one_keyring() {
    let both = [FEDORA_KEY, b"\n", UBUNTU_KEY].concat();
    assert_eq!(keyring(&both).fingerprints().len(), 3);
    let error = Keyring::parse(b"no key at all").expect_err("nothing in it");
    assert!(matches!(error, SignatureError::Keyring(_)), "{error}");
}

#[test]
fn canonical_signed_its_checksums() {
    let signer = verify_detached(&keyring(UBUNTU_KEY), SUMS, SIGNATURE, KeyTime::Now).expect("Canonical's");
    assert_eq!(signer.owner, "UEC Image Automatic Signing Key <cdimage@ubuntu.com>");
    assert_eq!(signer.signed.to_string(), "2026-07-25T22:34:07Z");
}

#[test]
fn one_changed_byte_is_noticed() {
    let mut sums = SUMS.to_vec();
    sums[100] ^= 1;
    let error = verify_detached(&keyring(UBUNTU_KEY), &sums, SIGNATURE, KeyTime::Now).expect_err("changed");
    assert!(matches!(&error, SignatureError::Mismatch(owner) if owner.starts_with("UEC Image")), "{error}");
}

#[test]
fn another_publishers_key_is_not_good_enough() {
    let error = verify_detached(&keyring(FEDORA_KEY), SUMS, SIGNATURE, KeyTime::Now).expect_err("not Fedora's");
    let SignatureError::UnknownKey(key) = error else { panic!("{error}") };
    assert_eq!(key, "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81");
}

#[test]
fn fedora_signed_its_checksums() {
    let (text, signer) = verify_cleartext(&keyring(FEDORA_KEY), CHECKSUM, KeyTime::Now).expect("Fedora's");
    assert_eq!(signer.owner, "Fedora (44) <fedora-44-primary@fedoraproject.org>");
    assert!(text.starts_with("# Fedora-Cloud-Base-AmazonEC2-44") && !text.contains("PGP"), "{text}");
}

/// Text around the signed text must not be mistaken for it.
#[test]
fn only_the_signed_text_counts() {
    let document = String::from_utf8(CHECKSUM.to_vec()).expect("text");
    let forged = "SHA256 (Fedora-Cloud-Base-Generic-44-1.7.aarch64.qcow2) = ".to_owned() + &"0".repeat(64) + "\n";
    let before = forged.clone() + &document;
    let within = document.replacen("Hash: SHA256\n", &format!("Hash: SHA256\n{forged}"), 1);
    let behind = document.clone() + &forged;
    for document in [before, within, behind] {
        match verify_cleartext(&keyring(FEDORA_KEY), document.as_bytes(), KeyTime::Now) {
            Ok((text, _)) => assert!(!text.contains(&forged), "{text}"),
            Err(error) => assert!(matches!(error, SignatureError::Malformed(_)), "{error}"),
        }
    }
}
