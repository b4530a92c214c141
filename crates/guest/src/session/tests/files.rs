//! Files in both directions.

use super::super::SessionError;
use super::support::{never, open, pipe, with_agent};
use super::wire::Peer;
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_agent::guest::GuestSystem;
use vmbuild_agent::session::serve_pipe;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::{
    CHUNK, Call, Digest, Epoch, FailureKind, Frame, FromAgent, Hello, PutFile, Reply, RequestId, ToAgent, WINDOW,
};

fn digest(bytes: &[u8]) -> Digest {
    Digest { bytes: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let flags = rustix::rand::GetRandomFlags::empty();
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags).expect("the kernel's generator");
    }
    bytes
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[tokio::test]
async fn files_come_back_as_they_went() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, there, back) =
        (folder.path().join("from"), folder.path().join("deep/er/there"), folder.path().join("back"));
    let window = WINDOW as usize;
    with_agent(async |session| {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, window, 5 * window + 7] {
            let bytes = random(length);
            fs_err::write(&from, &bytes).expect("a file");
            let (mut sent, mut got) = (0, 0);
            let put = session.put_file(&from, text(&there), 0o750, &never(), |bytes| sent = bytes).await;
            assert_eq!(put.expect("it arrives"), digest(&bytes));
            assert_eq!(fs_err::read(&there).expect("it is there"), bytes);
            assert_eq!(fs_err::metadata(&there).expect("it is there").permissions().mode() & 0o7777, 0o750);
            let get = session.get_file(text(&there), &back, &never(), |bytes| got = bytes).await;
            assert_eq!(get.expect("it arrives"), digest(&bytes));
            assert_eq!(fs_err::read(&back).expect("it is there"), bytes);
            assert_eq!((sent, got), (length as u64, length as u64));
        }
    })
    .await;
    let parent = there.parent().expect("it has one");
    assert_eq!(names(parent), ["there"], "nothing else is left");
}

#[tokio::test]
async fn what_cannot_be_read_or_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, back) = (folder.path().join("file"), folder.path().join("back"));
    fs_err::write(&file, random(3 * WINDOW as usize)).expect("a file");
    with_agent(async |session| {
        let refused = session.get_file("/no/such/file", &back, &never(), |_| ()).await;
        let Err(SessionError::Refused(failure)) = refused else { panic!("{refused:?}") };
        assert!(failure.kind == FailureKind::Io && failure.message.contains("/no/such/file"), "{failure:?}");
        // Refused while most of it is still here.
        let below_a_file = format!("{}/below", file.display());
        let refused = session.put_file(&file, &below_a_file, 0o644, &never(), |_| ()).await;
        assert!(matches!(&refused, Err(SessionError::Refused(f)) if f.kind == FailureKind::Io), "{refused:?}");
        let refused = session.put_file(&file, "relative", 0o644, &never(), |_| ()).await;
        assert!(matches!(&refused, Err(SessionError::Refused(f)) if f.kind == FailureKind::Invalid), "{refused:?}");
        let local = session.put_file(Path::new("/no/such/file"), "/tmp/x", 0o644, &never(), |_| ()).await;
        assert!(matches!(local, Err(SessionError::Local(_))), "{local:?}");
        session.ping().await.expect("the session lives on");
    })
    .await;
    assert_eq!(names(folder.path()), ["file"]);
}

#[tokio::test]
async fn a_cancelled_file_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, there) = (folder.path().join("from"), folder.path().join("in/there"));
    fs_err::write(&from, random(8 * WINDOW as usize)).expect("a file");
    with_agent(async |session| {
        let cancel = CancellationToken::new();
        let put = session.put_file(&from, text(&there), 0o644, &cancel, |bytes| {
            if bytes > u64::from(WINDOW) {
                cancel.cancel();
            }
        });
        assert!(matches!(put.await, Err(SessionError::Cancelled)));
        let parent = there.parent().expect("it has one");
        while !names(parent).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let cancel = CancellationToken::new();
        let get = session.get_file(text(&from), &there, &cancel, |_| cancel.cancel()).await;
        assert!(matches!(get, Err(SessionError::Cancelled)));
        assert!(names(parent).is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_agent_refuses_a_file_that_is_not_what_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("there");
    let (ours, theirs) = pipe();
    let host = async {
        let (epoch, good) = (Epoch(77), digest(b"good"));
        let mut peer = Peer::<FromAgent, ToAgent>::new(ours);
        peer.send(epoch, Frame::Hello(Hello::ours(epoch))).await;
        peer.hello().await;
        // Damaged; too short; longer than announced although the hash agrees.
        for (id, size, bytes, end) in [(1, 4, "goof", good), (2, 4, "goo", good), (3, 3, "good", good)] {
            let id = RequestId(id);
            let order = PutFile { path: text(&path).to_owned(), mode: 0o644, size };
            peer.send(epoch, Frame::Message(ToAgent::Request { id, call: Call::PutFile(order) })).await;
            peer.send(epoch, Frame::Data { id, bytes: bytes.into() }).await;
            peer.send(epoch, Frame::Message(ToAgent::DataEnd { id, digest: end })).await;
            let Frame::Message(FromAgent::Failed { id: of, failure }) = peer.receive().await else { panic!("{bytes}") };
            assert_eq!((of, failure.kind), (id, FailureKind::DigestMismatch));
            assert!(names(folder.path()).is_empty());
        }
    };
    let (_, ()) = tokio::join!(serve_pipe(theirs, GuestSystem::complete(false)), host);
}

#[tokio::test]
async fn the_host_refuses_a_file_that_is_not_what_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = pipe();
    let agent = async {
        let mut peer = Peer::<ToAgent, FromAgent>::new(theirs);
        let epoch = peer.hello().await;
        peer.send(epoch, Frame::Hello(Hello::ours(epoch))).await;
        let Frame::Message(ToAgent::Request { id, .. }) = peer.receive().await else { panic!("a request") };
        peer.send(epoch, Frame::Data { id, bytes: "goof".into() }).await;
        peer.send(epoch, Frame::Message(FromAgent::DataEnd { id, digest: digest(b"good") })).await;
        let reply = Reply::Sent(digest(b"good"));
        peer.send(epoch, Frame::Message(FromAgent::Done { id, reply })).await;
        peer
    };
    let host = async {
        let session = open(ours).await.expect("it answers");
        let error = session.get_file("/x", &folder.path().join("back"), &never(), |_| ()).await.expect_err("damaged");
        assert_eq!(error.exit(), Exit::Integrity);
        assert!(error.to_string().contains(&hex::encode(digest(b"goof").sha256)), "{error}");
    };
    let _ = tokio::join!(agent, host);
    assert!(names(folder.path()).is_empty());
}
