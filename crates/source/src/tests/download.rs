//! Downloads that go wrong on the way.

use super::{World, pinned};
use crate::{SourceError, SourceOrigin};
use vmbuild_core::event::EventKind;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_testkit::http_server::{HttpServer, ServerBehavior, incompressible_bytes};

const FILE: &str = "Python-3.13.5.tar.xz";
const PATH: &str = "ftp/python/3.13.5/Python-3.13.5.tar.xz";

/// Obtains one file from a server with this habit, and says what was asked for.
async fn check(behavior: ServerBehavior, asked: &[&str]) {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(300_000));
    server.serve(PATH, &body, behavior);
    let world = World::new(&server);
    let source = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("a server that recovers");
    assert_eq!((source.origin, source.bytes), (SourceOrigin::PythonOrg, 300_000));
    assert_eq!(fs_err::read(&source.path).expect("reading"), body, "{behavior:?}");
    assert_eq!(server.asked(), asked.iter().map(|range| format!("/{PATH}{range}")).collect::<Vec<_>>(), "{behavior:?}");
    assert_eq!(world.kept(), [FILE]);
}

#[tokio::test]
async fn a_proper_server_is_asked_once() {
    check(ServerBehavior::Normal, &[""]).await;
}

#[tokio::test]
async fn a_cut_download_goes_on_where_it_was_cut() {
    check(ServerBehavior::CutOnce(100_000), &["", " from 100000"]).await;
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    check(ServerBehavior::Busy(2), &["", "", ""]).await;
}

/// The temporary file of an earlier run, and what is asked for then.
async fn check_left_over(left: &[u8], behavior: ServerBehavior, asked: &[&str]) {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(200_000));
    server.serve(PATH, &body, behavior);
    let world = World::new(&server);
    let expected = pinned("3.13.5", FILE, &body);
    let folder = world.store.sources().join(expected.digests()[0].to_string());
    fs_err::create_dir_all(&folder).expect("a folder");
    fs_err::write(folder.join(".partial"), left).expect("writing");
    let source = world.fetch_source(expected, None).await.expect("the server has the right bytes");
    assert_eq!(fs_err::read(&source.path).expect("reading"), body);
    assert_eq!(server.asked(), asked.iter().map(|range| format!("/{PATH}{range}")).collect::<Vec<_>>());
    assert_eq!(world.kept(), [FILE]);
}

#[tokio::test]
async fn a_left_over_part_is_used() {
    check_left_over(&incompressible_bytes(200_000)[..50_000], ServerBehavior::Normal, &[" from 50000"]).await;
}

#[tokio::test]
async fn a_wrong_left_over_is_thrown_away() {
    check_left_over(&vec![7; 50_000], ServerBehavior::Normal, &[" from 50000", ""]).await;
    check_left_over(&vec![7; 900_000], ServerBehavior::Normal, &[" from 900000", ""]).await;
    check_left_over(&vec![7; 50_000], ServerBehavior::NoRanges, &[" from 50000"]).await;
}

#[tokio::test]
async fn a_stalled_download_is_given_up_and_kept_for_later() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(300_000));
    server.serve(PATH, &body, ServerBehavior::Stall(1000));
    let world = World::new(&server);
    let error = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect_err("it stalls for ever");
    assert_eq!(error.exit(), Exit::Environment);
    assert!(error.to_string().contains("no data for 0.4 s"), "{error}");
    assert_eq!(world.kept(), [".partial"], "nothing in place, the part kept");
    server.serve(PATH, &body, ServerBehavior::Normal);
    let source = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("it recovered");
    assert_eq!(fs_err::read(&source.path).expect("reading"), body);
}

#[tokio::test]
async fn one_wrong_byte_is_refused_and_removed() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(100_000));
    let mut corrupt = body.clone();
    corrupt[54_321] ^= 1;
    server.serve(PATH, &corrupt, ServerBehavior::Normal);
    let world = World::new(&server);
    let error = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect_err("another digest");
    assert_eq!(error.exit(), Exit::Integrity);
    let SourceError::Mismatch { place, expected, got, .. } = error else { panic!("{error}") };
    assert_eq!((place, expected, got), (server.url(PATH), vec![super::digest(&body)], super::digest(&corrupt)));
    assert!(world.kept().is_empty(), "{:?}", world.kept());
}

#[tokio::test]
async fn cancelling_midway_leaves_nothing_in_place() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(300_000));
    server.serve(PATH, &body, ServerBehavior::Stall(150_000));
    let mut world = World::new(&server);
    world.settings.retry.stall = std::time::Duration::from_hours(1);
    let cancel = world.cancel.clone();
    let (outcome, ()) = tokio::join!(world.fetch_source(pinned("3.13.5", FILE, &body), None), async {
        while !world.kept().contains(&".partial".to_owned()) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        cancel.cancel();
    });
    let error = outcome.expect_err("it was cancelled");
    assert_eq!(error.exit(), Exit::Interrupted, "{error}");
    assert!(!world.kept().contains(&FILE.to_owned()));
}

#[tokio::test]
async fn progress_is_told_in_bytes() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(300_000));
    server.serve(PATH, &body, ServerBehavior::Normal);
    let mut world = World::new(&server);
    world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("served");
    let (mut advanced, mut finished) = (None, None);
    while let Ok(event) = world.seen.try_recv() {
        match event.kind {
            EventKind::Advanced { done, total, .. } => advanced = Some((done, total)),
            EventKind::Finished { result, .. } => finished = Some(result),
            _ => {}
        }
    }
    assert_eq!(advanced, Some((300_000, Some(300_000))));
    assert_eq!(finished.as_deref(), Some("Python-3.13.5.tar.xz  python.org  300 kB  sha256 pinned"));
}
