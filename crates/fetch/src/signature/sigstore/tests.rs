//! Bundles of CPython's own releases, as python.org publishes them, against the digests and the managers that are compiled
//! in. Source of the copies: woodruffw/cpython-release-tracker.

use super::{BundleSigner, ExpectedIdentity, SigstoreError, SigstoreTrust};
use vmbuild_archive::Sha256;
use vmbuild_cpython::minor::{MinorFacts, SigstoreIdentity};
use vmbuild_cpython::{Version, releases};

/// Of the present form.
const BUNDLE: &str = vmbuild_testkit::published::BUNDLE_3_13_5;
const VERSION: &str = "3.13.5";

fn manager(version: &str) -> SigstoreIdentity {
    MinorFacts::of(&version.parse().expect("a version")).manager.sigstore.clone()
}

fn pinned(version: &str, file: &str) -> Sha256 {
    let version: Version = version.parse().expect("a version");
    let archives = releases().find(&version).expect("it is listed").archives();
    archives.iter().find(|archive| archive.file == file).expect("it has this archive").sha256
}

fn verify(bundle: &str, digest: Sha256, wanted: &SigstoreIdentity) -> Result<BundleSigner, SigstoreError> {
    let wanted = ExpectedIdentity { identity: &wanted.identity, issuer: &wanted.issuer };
    SigstoreTrust::public().expect("the compiled-in keys").verify(bundle.as_bytes(), digest, wanted)
}

/// That of 3.13.5.
fn verify_it(bundle: &str) -> Result<BundleSigner, SigstoreError> {
    verify(bundle, pinned(VERSION, "Python-3.13.5.tar.xz"), &manager(VERSION))
}

#[test]
fn managers_signed_what_is_pinned() {
    let check = |version: &str, file: &str, bundle: &str, logged: &str| {
        let wanted = manager(version);
        let signer = verify(bundle, pinned(version, file), &wanted).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((signer.identity, signer.issuer), (wanted.identity, wanted.issuer));
        assert_eq!(signer.logged.expect("a time").to_string(), logged, "{file}");
    };
    // Each form there has been: 0.2, 0.1, 0.3; each manager.
    let old = vmbuild_testkit::published::BUNDLE_3_11_2;
    check("3.11.2", "Python-3.11.2.tgz", old, "2023-02-07T14:00:26Z");
    let older = vmbuild_testkit::published::BUNDLE_3_12_5;
    check("3.12.5", "Python-3.12.5.tar.xz", older, "2024-08-06T20:32:48Z");
    check(VERSION, "Python-3.13.5.tar.xz", BUNDLE, "2025-06-11T17:46:23Z");
    let new = vmbuild_testkit::published::BUNDLE_3_14_4;
    check("3.14.4", "Python-3.14.4.tar.xz", new, "2026-04-07T17:48:27Z");
}

#[test]
fn somebody_elses_signature_is_not_good_enough() {
    let ours = manager(VERSION);
    let other_issuer = SigstoreIdentity { issuer: manager("3.14.4").issuer, ..ours.clone() };
    for wanted in [manager("3.11.2"), manager("3.14.4"), other_issuer] {
        let error = verify(BUNDLE, pinned(VERSION, "Python-3.13.5.tar.xz"), &wanted).expect_err("not theirs");
        assert!(matches!(error, SigstoreError::Identity(_)), "{error}");
    }
}

#[test]
fn it_is_about_one_file_only() {
    let error = verify(BUNDLE, pinned(VERSION, "Python-3.13.5.tgz"), &manager(VERSION)).expect_err("another file");
    assert!(matches!(error, SigstoreError::Mismatch(_)), "{error}");
}

/// Replaces one value of the bundle.
fn changed(pointer: &str, change: impl Fn(&str) -> String) -> String {
    let mut bundle: serde_json::Value = serde_json::from_str(BUNDLE).expect("JSON");
    let value = bundle.pointer_mut(pointer).expect("it is there");
    *value = change(value.as_str().expect("text")).into();
    bundle.to_string()
}

/// Another letter in the middle: of base64, that is other bytes.
fn flipped(text: &str) -> String {
    let middle = text.len() / 2;
    let other = if &text[middle..=middle] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &text[..middle], &text[middle + 1..])
}

#[test]
fn no_part_of_it_can_be_changed() {
    let entry = "/verificationMaterial/tlogEntries/0";
    let parts = [
        "/messageSignature/signature".to_owned(),
        "/messageSignature/messageDigest/digest".to_owned(),
        "/verificationMaterial/certificate/rawBytes".to_owned(),
        format!("{entry}/canonicalizedBody"),
        format!("{entry}/inclusionProof/rootHash"),
        format!("{entry}/inclusionProof/hashes/0"),
        format!("{entry}/inclusionPromise/signedEntryTimestamp"),
    ];
    for part in parts {
        let error = verify_it(&changed(&part, flipped)).expect_err(&part);
        assert!(matches!(error, SigstoreError::Refused(_) | SigstoreError::Mismatch(_) | SigstoreError::Malformed(_)));
    }
    // What the log signed, of itself: the tree's number.
    let other_tree = |note: &str| note.replacen("dev - 119", "dev - 219", 1);
    verify_it(&changed(&format!("{entry}/inclusionProof/checkpoint/envelope"), other_tree)).expect_err("another log");
    let later = |time: &str| (time.parse::<u64>().expect("seconds") + 86_400).to_string();
    verify_it(&changed(&format!("{entry}/integratedTime"), later)).expect_err("another time");
}

#[test]
fn without_its_place_in_the_log_it_is_no_proof() {
    let mut bundle: serde_json::Value = serde_json::from_str(BUNDLE).expect("JSON");
    let proof = bundle.pointer_mut("/verificationMaterial/tlogEntries/0/inclusionProof").expect("a proof");
    proof.as_object_mut().expect("an object").remove("checkpoint");
    verify_it(&bundle.to_string()).expect_err("nobody signed that log");
}

#[test]
fn what_is_no_bundle_is_said_to_be_none() {
    for text in ["", "<html>404</html>", "{}", &BUNDLE[..BUNDLE.len() / 2]] {
        let error = verify_it(text).expect_err("no bundle");
        assert!(matches!(error, SigstoreError::Malformed(_)), "{error}");
    }
}
