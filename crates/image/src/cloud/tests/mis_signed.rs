//! Lists of checksums that are not to be believed.

use super::{DISK, OWNER, SIGNATURE, SUMS, World, sha256};
use crate::Image;
use crate::cloud::PinProvenance;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_testkit::gpg::GpgTime;
use vmbuild_testkit::http_server::ServerBehavior;

/// The fetch fails for this reason, with its exit code, and before any byte of the image is requested.
async fn check(world: &World, expect: &str) {
    let error = world.fetch().await.expect_err(expect);
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    assert!(text.contains(expect), "{text}");
    assert_eq!(error.exit(), Exit::Integrity, "{text}");
    assert_eq!(world.asked_for_disk(), Vec::<String>::new(), "{text}");
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn a_changed_list_is_noticed() {
    let Some(world) = World::new().await else { return };
    let list = format!("{} *disk.img\n", sha256(b"something else"));
    world.server.serve(SUMS, list.as_bytes(), ServerBehavior::Normal);
    check(&world, "cannot be trusted: the signature by Publisher <publisher@example.org> does not match the file")
        .await;
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let Some(world) = World::new().await else { return };
    world.gpg.key("Stranger <stranger@example.org>", "1y", GpgTime::Now).await;
    let list = format!("{} *disk.img\n", sha256(&world.body));
    let signature = world.gpg.sign("Stranger", list.as_bytes(), GpgTime::Now).await;
    world.server.serve(SUMS, list.as_bytes(), ServerBehavior::Normal);
    world.server.serve(SIGNATURE, &signature, ServerBehavior::Normal);
    let stranger = world.gpg.fingerprint("Stranger").await;
    check(&world, &format!("signed with the key {stranger}, which is not in the keyring")).await;
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let Some(world) = World::new().await else { return };
    world.gpg.key("Old <old@example.org>", "30d", GpgTime::Past("20200101T000000")).await;
    fs_err::write(world.folder.path().join("key.asc"), world.gpg.public("Old").await).expect("writing");
    let list = format!("{} *disk.img\n", sha256(&world.body));
    let signature = world.gpg.sign("Old", list.as_bytes(), GpgTime::Past("20200110T000000")).await;
    world.server.serve(SUMS, list.as_bytes(), ServerBehavior::Normal);
    world.server.serve(SIGNATURE, &signature, ServerBehavior::Normal);
    check(&world, "expired at 2020-01-31T00:00:00Z").await;
}

#[tokio::test]
async fn a_missing_or_broken_signature_is_refused() {
    let Some(world) = World::new().await else { return };
    world.server.serve(SIGNATURE, b"<html>no such file</html>", ServerBehavior::Normal);
    check(&world, "not an OpenPGP signature").await;
    world.server.remove(SIGNATURE);
    check(&world, "failed to fetch the signature of the publisher's checksums").await;
}

#[tokio::test]
async fn a_signed_list_must_have_the_image() {
    let Some(world) = World::new().await else { return };
    let list = format!("{} *other.img\n", sha256(&world.body));
    world.server.serve(SUMS, list.as_bytes(), ServerBehavior::Normal);
    let signature = world.gpg.sign(OWNER, list.as_bytes(), GpgTime::Now).await;
    world.server.serve(SIGNATURE, &signature, ServerBehavior::Normal);
    check(&world, "do not list `disk.img`").await;
}

#[tokio::test]
async fn a_signed_list_must_agree_with_the_pin() {
    let Some(world) = World::new().await else { return };
    world.publish("20260705", b"the publisher has replaced it").await;
    check(&world, "is pinned").await;
}

/// A mirror may have the image and not the list: then the pin cannot be verified, and the image is not fetched.
#[tokio::test]
async fn without_a_list_nothing_is_fetched() {
    let Some(world) = World::new().await else { return };
    world.server.remove(SUMS);
    let error = world.fetch().await.expect_err("no checksums");
    assert_eq!(error.exit(), Exit::Environment);
    assert!(error.hints().iter().any(|hint| hint.contains("image update")), "{:?}", error.hints());
    assert_eq!(world.asked_for_disk(), Vec::<String>::new());
    assert_eq!(world.kept(), Vec::<String>::new());
}

/// Fedora's way: the list carries its signature within itself.
#[tokio::test]
async fn a_list_may_carry_its_signature() {
    let Some(world) = World::new().await else { return };
    let list = format!("# disk.img: 300000 bytes\nSHA256 (disk.img) = {}\n", sha256(&world.body));
    let signed = world.gpg.clear_sign(OWNER, list.as_bytes()).await;
    let key = world.folder.path().join("key.asc");
    let text = world
        .describe(&format!("sha256:{}", sha256(&world.body)))
        .replace("kind = \"detached\", file = \"SHA256SUMS.gpg\"", "kind = \"cleartext\"");
    let image = Image::parse(&text, "test").expect("a description");
    let fetch = || super::super::fetch_with(&image, &world.store, &world.settings, &world.events, &world.cancel);
    let forged = String::from_utf8(signed.clone()).expect("text").replacen("SHA256 (", "SHA256  (", 1);
    world.server.serve(SUMS, forged.as_bytes(), ServerBehavior::Normal);
    assert_eq!(fetch().await.expect_err("changed").exit(), Exit::Integrity);
    assert_eq!(world.server.asked().iter().filter(|asked| asked.contains(DISK)).count(), 0);
    world.server.serve(SUMS, &signed, ServerBehavior::Normal);
    let disk = fetch().await.expect("signed within");
    assert!(matches!(disk.record.provenance, PinProvenance::Publisher { .. }), "{disk:?}, {}", key.display());
}
