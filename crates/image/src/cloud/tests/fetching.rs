//! An image on its way into the store, and what goes wrong on the way.

use super::{DISK, SIGNATURE, SUMS, World, sha256};
use crate::cloud::{CloudError, PinProvenance};
use crate::{Image, ImageError};
use std::os::unix::fs::PermissionsExt;
use vmbuild_core::event::EventKind;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_testkit::http_server::{ServedFile, ServerBehavior, incompressible_bytes};

#[tokio::test]
async fn the_image_is_fetched_once_verified_and_sealed() {
    let Some(mut world) = World::new().await else { return };
    let disk = world.fetch().await.expect("a proper publisher");
    assert_eq!(fs_err::read(&disk.path).expect("reading"), world.body);
    assert_eq!((disk.sha256.as_str(), disk.release.as_str()), (sha256(&world.body).as_str(), "20260705"));
    assert_eq!(fs_err::metadata(&disk.path).expect("there").permissions().mode() & 0o777, 0o444);
    let PinProvenance::Publisher { signer } = &disk.record.provenance else { panic!("{:?}", disk.record) };
    assert_eq!(signer.owner, super::OWNER);
    // The list and its signature come first: nothing large is fetched for a pin that nobody signed.
    assert_eq!(world.server.asked(), [format!("/{SUMS}"), format!("/{SIGNATURE}"), format!("/{DISK}")]);
    let mut finished = Vec::new();
    while let Ok(event) = world.seen.try_recv() {
        if let EventKind::Finished { phase, result, .. } = event.kind {
            finished.push(format!("{}: {result}", phase.name));
        }
    }
    assert_eq!(finished.last(), Some(&format!("download: 300 kB, sha256 {}, signed by Publisher", &disk.sha256[..8])));
}

#[tokio::test]
async fn the_second_time_no_network_is_touched() {
    let Some(mut world) = World::new().await else { return };
    let first = world.fetch().await.expect("served");
    world.settings.mirror = Some("http://127.0.0.1:1".to_owned());
    let second = world.fetch().await.expect("kept");
    assert_eq!(first, second);
    assert_eq!(super::super::cached(&world.image(), &world.store).expect("a cloud image"), Some(second));
    assert_eq!(world.server.asked().len(), 3);
}

#[tokio::test]
async fn a_damaged_image_is_said_and_fetched_again() {
    let Some(mut world) = World::new().await else { return };
    let disk = world.fetch().await.expect("served");
    fs_err::set_permissions(&disk.path, std::fs::Permissions::from_mode(0o644)).expect("ours");
    fs_err::write(&disk.path, "damaged").expect("writing");
    let again = world.fetch().await.expect("served again");
    assert_eq!(fs_err::read(&again.path).expect("reading"), world.body);
    let warnings = world.warnings();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("damaged")), "{warnings:?}");
}

/// Fetches from a server with this habit, and says from where on the image was asked for.
async fn check(behavior: ServerBehavior, asked: &[&str]) {
    let Some(world) = World::new().await else { return };
    world.server.serve(DISK, &world.body, behavior);
    let disk = world.fetch().await.expect("a server that recovers");
    assert_eq!(fs_err::read(&disk.path).expect("reading"), world.body, "{behavior:?}");
    assert_eq!(world.asked_for_disk(), asked, "{behavior:?}");
    assert_eq!(world.kept(), ["disk.qcow2", "image.json"], "{behavior:?}");
}

#[tokio::test]
async fn a_dropped_connection_is_taken_up_again() {
    check(ServerBehavior::CutOnce(100_000), &["", " from 100000"]).await;
    check(ServerBehavior::Busy(2), &["", "", ""]).await;
}

#[tokio::test]
async fn half_an_image_is_gone_on_with() {
    let Some(world) = World::new().await else { return };
    world.server.serve(DISK, &world.body, ServerBehavior::Stall(150_000));
    let mut slow = world.settings.clone();
    slow.retry.tries = 1;
    let image = world.image();
    let fetch = super::super::fetch_with(&image, &world.store, &slow, &world.events, &world.cancel);
    let error = fetch.await.expect_err("it stalls");
    assert_eq!(error.exit(), Exit::Environment);
    assert!(error.to_string().contains("no data for 0.4 s"), "{error}");
    assert_eq!(error.hints()[0], "the partial download is kept, and the next run resumes it");
    assert_eq!(world.kept(), [".partial"]);
    world.server.serve(DISK, &world.body, ServerBehavior::Normal);
    let disk = world.fetch().await.expect("it recovered");
    assert_eq!(fs_err::read(&disk.path).expect("reading"), world.body);
    assert_eq!(world.asked_for_disk(), ["", " from 150000"]);
}

#[tokio::test]
async fn a_server_without_ranges_begins_again() {
    let Some(world) = World::new().await else { return };
    let slot = world.store.root().join("cloud").join(format!("sha256-{}", sha256(&world.body)));
    fs_err::create_dir_all(&slot).expect("a folder");
    fs_err::write(slot.join(".partial"), &world.body[..1000]).expect("writing");
    world.server.serve(DISK, &world.body, ServerBehavior::NoRanges);
    world.fetch().await.expect("served from the beginning");
    assert_eq!(world.asked_for_disk(), [" from 1000"]);
}

/// Between the two runs the publisher has put other bytes under the same name.
#[tokio::test]
async fn the_rest_of_another_version_is_not_glued_on() {
    let Some(world) = World::new().await else { return };
    let served = |body: Vec<u8>, behavior, etag| {
        world.server.put(DISK, ServedFile { body: body.into(), behavior, etag: Some(etag) });
    };
    served(incompressible_bytes(400_000).split_off(100_000), ServerBehavior::Stall(150_000), "\"old\"");
    let mut slow = world.settings.clone();
    slow.retry.tries = 1;
    let image = world.image();
    let fetch = super::super::fetch_with(&image, &world.store, &slow, &world.events, &world.cancel);
    fetch.await.expect_err("it stalls");
    served(world.body.clone(), ServerBehavior::Normal, "\"new\"");
    world.fetch().await.expect("the new version, from its beginning");
    assert_eq!(world.asked_for_disk(), ["", " from 150000"], "one request was enough: If-Range");
}

#[tokio::test]
async fn other_bytes_are_refused_and_removed() {
    let mut flipped = incompressible_bytes(300_000);
    flipped[123_456] ^= 1;
    for wrong in [flipped, incompressible_bytes(299_999), b"<html>sorry</html>".to_vec(), Vec::new()] {
        let Some(world) = World::new().await else { return };
        world.server.serve(DISK, &wrong, ServerBehavior::Normal);
        let error = world.fetch().await.expect_err("not the image");
        assert_eq!(error.exit(), Exit::Integrity, "{error}");
        assert!(matches!(error, ImageError::Cloud(CloudError::Mismatch { .. })), "{error}");
        assert_eq!(world.kept(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_vanished_release_suggests_an_update() {
    let Some(world) = World::new().await else { return };
    world.server.remove(DISK);
    let error = world.fetch().await.expect_err("gone");
    assert_eq!(error.exit(), Exit::Environment);
    let url = world.server.url(DISK);
    assert_eq!(error.to_string(), format!("release 20260705 of `stand-in` no longer exists at {url}"));
    assert!(error.hints()[0].contains("`vmbuild image update stand-in`"), "{:?}", error.hints());
}

#[tokio::test]
async fn two_at_once_download_once() {
    let Some(world) = World::new().await else { return };
    world.server.serve(DISK, &world.body, ServerBehavior::CutOnce(200_000));
    let (one, other) = tokio::join!(world.fetch(), world.fetch());
    assert_eq!(one.expect("served"), other.expect("served"));
    assert_eq!(world.asked_for_disk(), ["", " from 200000"]);
}

#[tokio::test]
async fn cancelling_midway_leaves_nothing_in_place() {
    let Some(mut world) = World::new().await else { return };
    world.server.serve(DISK, &world.body, ServerBehavior::Stall(150_000));
    world.settings.retry.stall = std::time::Duration::from_hours(1);
    let (outcome, ()) = tokio::join!(world.fetch(), async {
        while !world.kept().contains(&".partial".to_owned()) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        world.cancel.cancel();
    });
    assert_eq!(outcome.expect_err("cancelled").exit(), Exit::Interrupted);
    assert!(!world.kept().contains(&"disk.qcow2".to_owned()));
}

/// Debian lists SHA-512 and signs nothing: the pin alone counts, and the record says so.
#[tokio::test]
async fn a_publisher_that_signs_nothing_is_held_to_the_pin() {
    let Some(world) = World::new().await else { return };
    let sha512 = hex::encode(<sha2::Sha512 as sha2::Digest>::digest(&world.body));
    let text = world.describe(&format!("sha512:{sha512}"));
    let signed = text.lines().find(|line| line.starts_with("signature")).expect("it has one");
    let text = text.replace(signed, "signature = { kind = \"none\", reason = \"they do not\" }");
    let image = Image::parse(&text, "test").expect("a description");
    let fetch = super::super::fetch_with(&image, &world.store, &world.settings, &world.events, &world.cancel);
    let disk = fetch.await.expect("the pinned bytes");
    assert_eq!(disk.sha256, sha256(&world.body), "of SHA-256 in any case");
    assert_eq!(disk.record.provenance, PinProvenance::PinAlone { reason: "they do not".to_owned() });
    assert_eq!(world.server.asked(), [format!("/{DISK}")]);
}
