//! Updating a pin.

use super::{World, sha256};
use crate::cloud::{PinUpdate, update};
use crate::{Image, ImageError};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_testkit::http_server::{ServerBehavior, incompressible_bytes};

const LISTING: &[u8] = br#"<a href="../">up</a> <a href="release-20260601/">a</a> <a href="release-20260705/">b</a>
    <a href="release-20260801/">c</a> <a href="release-20260725/">d</a> <a href="release/">release</a>"#;

async fn run(world: &World, image: &str) -> Result<PinUpdate, ImageError> {
    update(image, &world.store, &world.settings, &world.events, &world.cancel).await
}

fn old_pin(world: &World) -> String {
    world.describe(&format!("sha256:{}", sha256(&world.body)))
}

#[tokio::test]
async fn the_pin_moves_to_the_newest_and_the_image_follows() {
    let Some(world) = World::new().await else { return };
    let newer = incompressible_bytes(1000);
    world.publish("20260801", &newer).await;
    world.server.serve("releases/", LISTING, ServerBehavior::Normal);
    let file = world.file(&old_pin(&world));
    let updated = run(&world, file.to_str().expect("text")).await.expect("a newer release");
    assert_eq!((updated.from.as_str(), updated.to.as_str()), ("20260705", "20260801"));
    let text = fs_err::read_to_string(&file).expect("reading");
    let expect = old_pin(&world).replace("\"20260705\" # moves", "\"20260801\" # moves");
    assert_eq!(text, expect.replace(&sha256(&world.body), &sha256(&newer)), "comments and order stay");
    let image = Image::load(file.to_str().expect("text"), &world.store).expect("still a description");
    let disk = super::super::fetch_with(&image, &world.store, &world.settings, &world.events, &world.cancel);
    assert_eq!(fs_err::read(disk.await.expect("published").path).expect("reading"), newer);
}

#[tokio::test]
async fn nothing_newer_changes_nothing() {
    let Some(world) = World::new().await else { return };
    let page = br#"<a href="release-20260601/">a</a> <a href="release-20260705/">b</a>"#;
    world.server.serve("releases/", page, ServerBehavior::Normal);
    let file = world.file(&old_pin(&world));
    let updated = run(&world, file.to_str().expect("text")).await.expect("the pinned one is the newest");
    assert_eq!(updated.from, updated.to);
    assert_eq!(fs_err::read_to_string(&file).expect("reading"), old_pin(&world));
}

#[tokio::test]
async fn a_release_that_nobody_signed_is_not_pinned() {
    let Some(world) = World::new().await else { return };
    world.server.serve("releases/", LISTING, ServerBehavior::Normal);
    let file = world.file(&old_pin(&world));
    let error = run(&world, file.to_str().expect("text")).await.expect_err("no list yet");
    assert_eq!(error.exit(), Exit::Environment, "{error}");
    world.publish("20260801", &incompressible_bytes(1000)).await;
    world.server.serve("releases/release-20260801/SHA256SUMS", b"forged", ServerBehavior::Normal);
    let error = run(&world, file.to_str().expect("text")).await.expect_err("forged");
    assert_eq!(error.exit(), Exit::Integrity, "{error}");
    assert_eq!(fs_err::read_to_string(&file).expect("reading"), old_pin(&world));
}

/// The program's own descriptions cannot be rewritten: a copy in the store goes before them.
#[tokio::test]
async fn an_image_of_the_programs_own_moves_into_the_store() {
    let Some(world) = World::new().await else { return };
    // Without a signature, since only Canonical can make Canonical's.
    let base = "images/cloud/bookworm";
    world.server.serve(&format!("{base}/"), br#"<a href="20991231-9999/">x</a>"#, ServerBehavior::Normal);
    let names = ["amd64", "arm64"].map(|arch| format!("debian-12-genericcloud-{arch}-20991231-9999.qcow2"));
    let list = names.map(|name| format!("{}  {name}\n", "cd".repeat(64))).concat();
    world.server.serve(&format!("{base}/20991231-9999/SHA512SUMS"), list.as_bytes(), ServerBehavior::Normal);
    let before = Image::load("debian-12-cloud", &world.store).expect("an embedded image");
    let updated = run(&world, "debian-12-cloud").await.expect("a newer release");
    assert_eq!(updated.file, world.store.root().join("images.d/debian-12-cloud.toml"));
    assert_eq!(updated.digests.len(), 2);
    let after = Image::load("debian-12-cloud", &world.store).expect("the copy");
    assert_ne!(before, after);
    assert!(fs_err::read_to_string(&updated.file).expect("reading").starts_with("# Debian 12 (bookworm)"));
}

#[tokio::test]
async fn only_cloud_images_have_a_pin_to_move() {
    let Some(world) = World::new().await else { return };
    let error = run(&world, "debian-12").await.expect_err("it is bootstrapped");
    assert_eq!((error.exit(), world.server.asked().len()), (Exit::Usage, 0), "{error}");
    let error = run(&world, "ubuntu-2204").await.expect_err("unknown");
    assert_eq!(error.hints(), ["did you mean `ubuntu-22.04`?"]);
}
