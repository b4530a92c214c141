//! Signatures made here by GnuPG, good and bad.

use crate::signature::{KeyTime, Keyring, SignatureError, verify_cleartext, verify_detached};
use vmbuild_testkit::gpg::{Gpg, GpgTime};

const DATA: &[u8] = b"what is to be trusted\n";

async fn keyring(gpg: &Gpg, owner: &str) -> Keyring {
    Keyring::parse(&gpg.public(owner).await).expect("a keyring")
}

#[tokio::test]
async fn a_good_signature_names_its_signer() {
    let Some(gpg) = Gpg::new() else { return };
    gpg.key("Publisher <publisher@example.org>", "1y", GpgTime::Now).await;
    let keyring = keyring(&gpg, "Publisher").await;
    assert_eq!(keyring.fingerprints(), [gpg.fingerprint("Publisher").await]);
    let signature = gpg.sign("Publisher", DATA, GpgTime::Now).await;
    let signer = verify_detached(&keyring, DATA, &signature, KeyTime::Now).expect("good");
    assert_eq!(signer.owner, "Publisher <publisher@example.org>");
    // The same, armoured.
    let armoured = gpg.over(DATA, GpgTime::Now, &["--local-user", "Publisher", "--armor", "--detach-sign"]).await;
    assert_eq!(verify_detached(&keyring, DATA, &armoured, KeyTime::Now).expect("good").owner, signer.owner);
    // A text whose lines need escaping, within its signature.
    let text = b"- one\n-----\ntwo  \n";
    let (read, _) = verify_cleartext(&keyring, &gpg.clear_sign("Publisher", text).await, KeyTime::Now).expect("good");
    assert_eq!(read.trim_end(), "- one\n-----\ntwo");
}

#[tokio::test]
async fn bad_signatures_are_told_apart() {
    let Some(gpg) = Gpg::new() else { return };
    gpg.key("Publisher <publisher@example.org>", "1y", GpgTime::Now).await;
    gpg.key("Stranger <stranger@example.org>", "1y", GpgTime::Now).await;
    let keyring = keyring(&gpg, "Publisher").await;
    let check = |data: &[u8], signature: &[u8]| {
        verify_detached(&keyring, data, signature, KeyTime::Now).expect_err("bad").to_string()
    };
    let signature = gpg.sign("Publisher", DATA, GpgTime::Now).await;
    assert!(check(b"other bytes", &signature).contains("does not match the file"));
    let stranger = gpg.sign("Stranger", DATA, GpgTime::Now).await;
    let fingerprint = gpg.fingerprint("Stranger").await;
    assert_eq!(check(DATA, &stranger), format!("signed with the key {fingerprint}, which is not in the keyring"));
    assert!(check(DATA, b"").contains("no signature in it"));
    assert!(check(DATA, b"<html>404</html>").contains("not an OpenPGP signature"));
    assert!(check(DATA, &signature[..signature.len() / 2]).contains("not an OpenPGP signature"));
    let weak = ["--digest-algo", "SHA1", "--weak-digest", "MD5", "--local-user", "Publisher", "--detach-sign"];
    assert!(check(DATA, &gpg.over(DATA, GpgTime::Now, &weak).await).contains("unsupported signature type"));
}

#[tokio::test]
async fn a_key_has_its_time() {
    let Some(gpg) = Gpg::new() else { return };
    let then = GpgTime::Past("20200101T000000");
    gpg.key("Old <old@example.org>", "30d", then).await;
    let keyring = keyring(&gpg, "Old").await;
    let signature = gpg.sign("Old", DATA, GpgTime::Past("20200110T000000")).await;
    let error = verify_detached(&keyring, DATA, &signature, KeyTime::Now).expect_err("expired since");
    assert!(matches!(error, SignatureError::ExpiredKey { .. }), "{error}");
    assert!(error.to_string().ends_with("expired at 2020-01-31T00:00:00Z"), "{error}");
    let signer = verify_detached(&keyring, DATA, &signature, KeyTime::WhenSigned).expect("it was valid then");
    assert_eq!(signer.signed.to_string(), "2020-01-10T00:00:00Z");
}

#[tokio::test]
async fn a_signature_of_tomorrow_is_refused() {
    let Some(gpg) = Gpg::new() else { return };
    let far = GpgTime::Past("20900101T000000");
    gpg.key("Late <late@example.org>", "never", GpgTime::Now).await;
    let signature = gpg.sign("Late", DATA, far).await;
    let error = verify_detached(&keyring(&gpg, "Late").await, DATA, &signature, KeyTime::Now).expect_err("future");
    assert!(matches!(error, SignatureError::Future(_)), "{error}");
}

#[tokio::test]
async fn a_revoked_key_signs_nothing() {
    let Some(gpg) = Gpg::new() else { return };
    gpg.key("Gone <gone@example.org>", "1y", GpgTime::Now).await;
    let signature = gpg.sign("Gone", DATA, GpgTime::Now).await;
    gpg.revoke("Gone").await;
    let keyring = keyring(&gpg, "Gone").await;
    for time in [KeyTime::Now, KeyTime::WhenSigned] {
        let error = verify_detached(&keyring, DATA, &signature, time).expect_err("revoked");
        assert!(matches!(error, SignatureError::RevokedKey(_)), "{error}");
    }
}

#[tokio::test]
async fn a_signing_subkey_speaks_for_its_key() {
    let Some(gpg) = Gpg::new() else { return };
    gpg.run(
        GpgTime::Now,
        &["--passphrase", "", "--quick-generate-key", "Main <main@example.org>", "ed25519", "cert", "1y"],
    )
    .await;
    let main = gpg.fingerprint("Main").await;
    gpg.run(GpgTime::Now, &["--passphrase", "", "--quick-add-key", &main, "ed25519", "sign", "1y"]).await;
    let signature = gpg.sign("Main", DATA, GpgTime::Now).await;
    let keyring = keyring(&gpg, "Main").await;
    let signer = verify_detached(&keyring, DATA, &signature, KeyTime::Now).expect("good");
    assert_eq!(signer.fingerprint, main, "the primary key is what people know");
}
