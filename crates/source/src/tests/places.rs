//! Which place is asked when, and what is believed.

use super::{World, digest, pinned};
use crate::expected::ExpectedArchives;
use crate::{FileOrUrl, SourceError, SourceOrigin, SourceRequest};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_testkit::http_server::{HttpServer, ServerBehavior, incompressible_bytes};

const FILE: &str = "Python-3.13.5.tgz";
const PATH: &str = "ftp/python/3.13.5/Python-3.13.5.tgz";

#[tokio::test]
async fn a_prerelease_lies_in_its_versions_folder() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    server.serve("ftp/python/3.15.0/Python-3.15.0rc1.tar.xz", &body, ServerBehavior::Normal);
    let source = World::new(&server).fetch_source(pinned("3.15.0rc1", "Python-3.15.0rc1.tar.xz", &body), None).await;
    assert_eq!(source.expect("served").file_name, "Python-3.15.0rc1.tar.xz");
}

#[tokio::test]
async fn the_second_time_nobody_is_asked() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    server.serve(PATH, &body, ServerBehavior::Normal);
    let world = World::new(&server);
    let first = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("served");
    let second = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("cached");
    assert_eq!((first.origin, second.origin), (SourceOrigin::PythonOrg, SourceOrigin::Cache));
    assert_eq!((first.path, first.file_name), (second.path, second.file_name));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_damaged_cache_is_said_and_replaced() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    server.serve(PATH, &body, ServerBehavior::Normal);
    let mut world = World::new(&server);
    let first = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("served");
    fs_err::write(&first.path, "damaged").expect("writing");
    let second = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("served again");
    assert_eq!((second.origin, fs_err::read(&second.path).expect("reading")), (SourceOrigin::PythonOrg, body));
    let warnings = world.warnings();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("damaged")), "{warnings:?}");
}

#[tokio::test]
async fn two_at_once_download_once() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(500_000));
    server.serve(PATH, &body, ServerBehavior::CutOnce(200_000));
    let world = World::new(&server);
    let wanted = || world.fetch_source(pinned("3.13.5", FILE, &body), None);
    let (one, other) = tokio::join!(wanted(), wanted());
    let mut origins = [one.expect("served").origin, other.expect("served").origin];
    origins.sort_by_key(|origin| *origin != SourceOrigin::Cache);
    assert_eq!(origins, [SourceOrigin::Cache, SourceOrigin::PythonOrg]);
    assert_eq!(server.asked(), [format!("/{PATH}"), format!("/{PATH} from 200000")]);
}

#[tokio::test]
async fn every_place_is_named_when_none_has_it() {
    let server = HttpServer::start().await;
    let mut world = World::new(&server);
    // Nothing listens on a port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    world.settings.python_org = format!("http://{closed}");
    let error = world.fetch_source(pinned("3.13.5", FILE, b"x"), None).await.expect_err("nobody has it");
    assert_eq!(error.exit(), Exit::Environment);
    let text = error.to_string().replace(&closed.to_string(), "CLOSED").replace(&server.url(""), "SERVER/");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_right_file_of_the_user_is_copied() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    let world = World::new(&server);
    let given = world.file("whatever.tgz", &body);
    let source = world.fetch_source(pinned("3.13.5", FILE, &body), Some(FileOrUrl::File(given.clone()))).await;
    let source = source.expect("the right file");
    assert_eq!((source.origin, source.file_name.as_str()), (SourceOrigin::File, FILE));
    assert!(source.path.starts_with(world.store.sources()) && given.exists());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_wrong_file_of_the_user_is_refused_and_stays_theirs() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    server.serve(PATH, &body, ServerBehavior::Normal);
    let world = World::new(&server);
    world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("now the right one is cached");
    let given = world.file(FILE, b"something else");
    let outcome = world.fetch_source(pinned("3.13.5", FILE, &body), Some(FileOrUrl::File(given.clone()))).await;
    let error = outcome.expect_err("the wrong file, whatever the cache has");
    assert_eq!(error.exit(), Exit::Integrity);
    assert!(error.to_string().contains(&digest(b"something else").to_string()), "{error}");
    assert!(given.exists());
    assert_eq!(world.kept(), [FILE], "no copy of it stays");
}

#[tokio::test]
async fn a_missing_file_of_the_user_is_their_mistake() {
    let server = HttpServer::start().await;
    let world = World::new(&server);
    for path in [world.folder.path().join("missing"), world.folder.path().to_owned()] {
        let error =
            world.fetch_source(pinned("3.13.5", FILE, b"x"), Some(FileOrUrl::File(path))).await.expect_err("no file");
        assert!(matches!(error, SourceError::File { .. }), "{error}");
        assert_eq!(error.exit(), Exit::Usage);
    }
}

#[tokio::test]
async fn a_url_of_the_user_is_the_only_place() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    server.serve(PATH, &body, ServerBehavior::Normal);
    let world = World::new(&server);
    let given = |path: &str| Some(FileOrUrl::Url(server.url(path)));
    let missing = world.fetch_source(pinned("3.13.5", FILE, &body), given("mirror/other.tgz")).await;
    assert!(matches!(missing, Err(SourceError::NotFound { attempts, .. }) if attempts.len() == 1));
    server.serve("mirror/any-name", &body, ServerBehavior::Normal);
    let source = world.fetch_source(pinned("3.13.5", FILE, &body), given("mirror/any-name")).await.expect("served");
    assert_eq!((source.origin, source.file_name.as_str()), (SourceOrigin::Url, FILE));
    assert_eq!(server.asked(), ["/mirror/other.tgz", "/mirror/any-name"]);
}

/// A version that nobody lists, of which only a digest is known.
fn expected_by_digest(body: &[u8]) -> ExpectedArchives {
    ExpectedArchives::of(&"3.13.99".parse().expect("a version"), Some(digest(body))).expect("accepted")
}

#[tokio::test]
async fn a_digest_alone_finds_either_format() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(1000));
    server.serve("ftp/python/3.13.99/Python-3.13.99.tar.xz", b"the other format", ServerBehavior::Normal);
    server.serve("ftp/python/3.13.99/Python-3.13.99.tgz", &body, ServerBehavior::Normal);
    let source =
        World::new(&server).fetch_source(expected_by_digest(&body), None).await.expect("the second has the digest");
    assert_eq!(source.file_name, "Python-3.13.99.tgz");
}

#[tokio::test]
async fn a_digest_that_no_format_has_is_refused() {
    let server = HttpServer::start().await;
    server.serve("ftp/python/3.13.99/Python-3.13.99.tar.xz", b"something else", ServerBehavior::Normal);
    let world = World::new(&server);
    let error = world.fetch_source(expected_by_digest(b"wanted"), None).await.expect_err("no such bytes");
    assert_eq!(error.exit(), Exit::Integrity, "{error}");
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn an_unlisted_version_is_refused_before_any_request() {
    let server = HttpServer::start().await;
    let world = World::new(&server);
    let request = SourceRequest { version: "3.13.99".parse().expect("a version"), given: None, sha256: None };
    let outcome =
        super::super::fetch_source(&request, &world.store, &world.settings, &world.events, &world.cancel).await;
    let error = outcome.expect_err("not listed");
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.hints().concat().contains("the newest known version of this series is 3.13."), "{:?}", error.hints());
    assert!(server.asked().is_empty());
}
