//! A bundle that the public instance really made, of a release of kubewarden-controller. Source: the crate `sigstore`
//! 0.14.0, where it is test data under the Apache licence.

use super::{SigstoreError, SigstoreTrust};
use vmbuild_cpython::Sha256;
use vmbuild_cpython::minor::SigstoreIdentity;

const BUNDLE: &str = include_str!("../testdata/kubewarden-v1.34.0.sigstore.json");
const DIGEST: &str = "c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172";
const WHO: &str = "https://github.com/kubewarden/kubewarden-controller/.github/workflows/release.yml@refs/tags/v1.34.0";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn verify(bundle: &str, digest: &str, identity: &str, issuer: &str) -> Result<super::BundleSigner, SigstoreError> {
    let wanted = SigstoreIdentity { identity: identity.to_owned(), issuer: issuer.to_owned() };
    let digest: Sha256 = digest.parse().expect("a digest");
    SigstoreTrust::public().expect("the compiled-in keys").verify(bundle.as_bytes(), digest, &wanted)
}

#[test]
fn a_published_bundle_names_its_signer() {
    let signer = verify(BUNDLE, DIGEST, WHO, ISSUER).expect("it is good");
    assert_eq!((signer.identity.as_str(), signer.issuer.as_str()), (WHO, ISSUER));
    assert_eq!(signer.logged.expect("a time").to_string(), "2026-04-09T07:23:29Z");
    assert_eq!(signer.log, vmbuild_cpython::LogProof::Inclusion);
}

#[test]
fn somebody_elses_signature_is_not_good_enough() {
    for (who, issuer) in [("thomas@python.org", ISSUER), (WHO, "https://accounts.google.com")] {
        let error = verify(BUNDLE, DIGEST, who, issuer).expect_err("not theirs");
        assert!(matches!(error, SigstoreError::Identity(_)), "{error}");
    }
}

#[test]
fn it_is_about_one_file_only() {
    let error = verify(BUNDLE, &DIGEST.replace('c', "d"), WHO, ISSUER).expect_err("another file");
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
        "/dsseEnvelope/signatures/0/sig".to_owned(),
        "/dsseEnvelope/payload".to_owned(),
        "/verificationMaterial/certificate/rawBytes".to_owned(),
        format!("{entry}/canonicalizedBody"),
        format!("{entry}/inclusionProof/rootHash"),
        format!("{entry}/inclusionProof/hashes/0"),
    ];
    for part in parts {
        let error = verify(&changed(&part, flipped), DIGEST, WHO, ISSUER).expect_err(&part);
        assert!(matches!(error, SigstoreError::Refused(_) | SigstoreError::Mismatch(_) | SigstoreError::Malformed(_)));
    }
    let later = |time: &str| (time.parse::<u64>().expect("seconds") + 86_400).to_string();
    verify(&changed(&format!("{entry}/integratedTime"), later), DIGEST, WHO, ISSUER).expect_err("another time");
}

#[test]
fn what_is_no_bundle_is_said_to_be_none() {
    for text in ["", "<html>404</html>", "{}", &BUNDLE[..BUNDLE.len() / 2]] {
        let error = verify(text, DIGEST, WHO, ISSUER).expect_err("no bundle");
        assert!(matches!(error, SigstoreError::Malformed(_)), "{error}");
    }
}

/// As early clients made them: of the first form, and without the head of the log.
fn early() -> serde_json::Value {
    let mut bundle: serde_json::Value = serde_json::from_str(BUNDLE).expect("JSON");
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    let proof = bundle.pointer_mut("/verificationMaterial/tlogEntries/0/inclusionProof").expect("a proof");
    proof.as_object_mut().expect("an object").remove("checkpoint");
    bundle
}

#[test]
fn an_early_bundle_has_the_logs_promise() {
    let signer = verify(&early().to_string(), DIGEST, WHO, ISSUER).expect("it is promised");
    assert_eq!((signer.identity.as_str(), signer.log), (WHO, vmbuild_cpython::LogProof::Promise));
    let mut broken = early();
    let promise = broken.pointer_mut("/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp");
    let promise = promise.expect("a promise");
    *promise = flipped(promise.as_str().expect("text")).into();
    let error = verify(&broken.to_string(), DIGEST, WHO, ISSUER).expect_err("nobody promised that");
    assert!(matches!(error, SigstoreError::Refused(_)), "{error}");
    verify(&early().to_string(), DIGEST, "thomas@python.org", ISSUER).expect_err("not his");
}
