//! The pool of a Debian archive.

use super::{World, digest, pinned};
use crate::{DebianArchive, SourceOrigin};
use std::io::Write;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_testkit::http_server::{HttpServer, ServedFile, ServerBehavior, incompressible_bytes};

const FILE: &str = "Python-3.13.5.tar.xz";
const ORIG: &str = "pool/main/p/python3.13/python3.13_3.13.5.orig.tar.xz";

/// A `Sources` index that lists `orig` among other packages, as an archive serves it.
fn index(orig: &[u8]) -> Vec<u8> {
    let sha256 = digest(orig);
    let (length, other) = (orig.len(), "0".repeat(64));
    let text = format!(
        "Package: 0ad\nFormat: 3.0 (quilt)\nChecksums-Sha256:\n {other} 2420 0ad_0.0.26-3.dsc\nDirectory: pool/main/0/0ad\n\n\
         Package: python3.13\nBinary: python3.13, python3.13-venv\nVersion: 3.13.5-2\nFiles:\n abc {length} x.orig.tar.xz\n\
         Checksums-Sha256:\n {other} 4298 python3.13_3.13.5-2.dsc\n {sha256} {length} python3.13_3.13.5.orig.tar.xz\n\
         Package-List: \n python3.13 deb python optional arch=any\nDirectory: pool/main/p/python3.13\nPriority: optional\n\n\
         Package: zzuf\nDirectory: pool/main/z/zzuf\n"
    );
    let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 1);
    packed.write_all(text.as_bytes()).expect("writing to memory");
    packed.finish().expect("writing to memory")
}

fn sources(suite: &str) -> String {
    format!("debian/dists/{suite}/main/source/Sources.xz")
}

/// A world whose Debian archive is `server`, and whose python.org has nothing.
fn world(server: &HttpServer) -> World {
    let mut world = World::new(server);
    world.settings.python_org = server.url("nothing-here");
    world.settings.debian_archive = DebianArchive::At(server.url("debian/"));
    world
}

#[tokio::test]
async fn is_found_by_digest_after_python_org() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    server.serve(&sources("bookworm"), &index(&body), ServerBehavior::Normal);
    server.serve(&format!("debian/{ORIG}"), &body, ServerBehavior::Normal);
    let source = world(&server).fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("in the pool");
    assert_eq!((source.origin, source.file_name.as_str()), (SourceOrigin::DebianPool, FILE));
    assert_eq!(source.location, server.url(&format!("debian/{ORIG}")));
    let asked = [
        format!("/nothing-here/ftp/python/3.13.5/{FILE}"),
        format!("/{}", sources("trixie")),
        format!("/{}", sources("bookworm")),
        format!("/debian/{ORIG}"),
    ];
    assert_eq!(server.asked(), asked);
}

#[tokio::test]
async fn what_no_suite_lists_any_more_is_found_by_its_usual_name() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    server.serve(&sources("trixie"), &index(b"a newer one"), ServerBehavior::Normal);
    server.serve(&format!("debian/{ORIG}"), &body, ServerBehavior::Normal);
    let source = world(&server).fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("still in the pool");
    assert_eq!((source.origin, source.location), (SourceOrigin::DebianPool, server.url(&format!("debian/{ORIG}"))));
    let error = world(&server).fetch_source(pinned("3.13.5", FILE, b"others"), None).await.expect_err("other bytes");
    assert_eq!(error.exit(), Exit::Integrity);
}

#[tokio::test]
async fn a_fresh_index_is_not_asked_for_again() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    server.serve(&sources("trixie"), &index(&body), ServerBehavior::Normal);
    let world = world(&server);
    for _ in 0..2 {
        world.fetch_source(pinned("3.13.5", FILE, b"another"), None).await.expect_err("not listed");
    }
    let times = server.asked().iter().filter(|path| **path == format!("/{}", sources("trixie"))).count();
    assert_eq!(times, 1);
}

/// Makes every kept index older than a day.
fn age(world: &World) {
    for entry in fs_err::read_dir(world.store.cache()).expect("the cache") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = fs_err::read_to_string(&path).expect("reading");
            let mut about: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            about["asked"] = "2020-01-01T00:00:00Z".into();
            fs_err::write(&path, about.to_string()).expect("writing");
        }
    }
}

#[tokio::test]
async fn an_old_index_is_renewed_only_if_it_changed() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    let served = ServedFile { body: index(&body).into(), behavior: ServerBehavior::Normal, etag: Some("\"one\"") };
    server.put(&sources("trixie"), served.clone());
    let world = world(&server);
    world.fetch_source(pinned("3.13.5", FILE, b"another"), None).await.expect_err("not listed");
    age(&world);
    // The same tag, but bytes that would not do: they must not be fetched.
    server.put(&sources("trixie"), ServedFile { body: b"not xz".to_vec().into(), ..served });
    server.serve(&format!("debian/{ORIG}"), &body, ServerBehavior::Normal);
    let source = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("in the kept index");
    assert_eq!(source.origin, SourceOrigin::DebianPool);
}

#[tokio::test]
async fn a_broken_index_is_told_and_not_kept() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    let whole = index(&body);
    server.serve(&sources("trixie"), &whole[..whole.len() / 2], ServerBehavior::Normal);
    let world = world(&server);
    let error = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect_err("half an index");
    assert!(error.to_string().contains("unreadable"), "{error}");
    server.serve(&sources("trixie"), &whole, ServerBehavior::Normal);
    server.serve(&format!("debian/{ORIG}"), &body, ServerBehavior::Normal);
    world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("the whole index was fetched");
}

#[tokio::test]
async fn a_pool_with_other_bytes_is_refused() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    server.serve(&sources("trixie"), &index(&body), ServerBehavior::Normal);
    server.serve(&format!("debian/{ORIG}"), &incompressible_bytes(9_999), ServerBehavior::Normal);
    let world = world(&server);
    let error = world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect_err("other bytes");
    assert_eq!(error.exit(), Exit::Integrity);
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn a_file_gone_from_the_pool_renews_the_index_next_time() {
    let (server, body) = (HttpServer::start().await, incompressible_bytes(10_000));
    server.serve(&sources("trixie"), &index(&body), ServerBehavior::Normal);
    let world = world(&server);
    world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect_err("listed but gone");
    server.serve(&format!("debian/{ORIG}"), &body, ServerBehavior::Normal);
    world.fetch_source(pinned("3.13.5", FILE, &body), None).await.expect("back again");
    let times = server.asked().iter().filter(|path| **path == format!("/{}", sources("trixie"))).count();
    assert_eq!(times, 2);
}
