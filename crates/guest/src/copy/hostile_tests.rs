//! Copies from an agent that lies.

use super::{CopyDepth, CopyError, CopySummary, GuestTree, local, receive};
use crate::session::tests::wire::Peer;
use crate::{Session, SessionOpening};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError};
use proptest::{collection, prop_assert_eq, proptest, sample};
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::{Call, Digest, Entry, EntryKind, Frame, FromAgent, Hello, Progress, Reply, ToAgent};
use vmbuild_supervise::Deadline;

const TEXT: &[u8] = b"hostile";

/// Lists what it is told to, and has the same bytes for every file.
async fn lie(pipe: DuplexStream, entries: Vec<Entry>) {
    let mut peer = Peer::<ToAgent, FromAgent>::new(pipe);
    let epoch = peer.hello().await;
    peer.send(epoch, Frame::Hello(Hello::ours(epoch))).await;
    loop {
        let Frame::Message(ToAgent::Request { id, call }) = peer.receive().await else { continue };
        let digest = |bytes: &[u8]| Digest { bytes: bytes.len() as u64, sha256: Sha256::digest(bytes).into() };
        let reply = match call {
            Call::List(_) => {
                let progress = Progress::Listed(entries.clone());
                peer.send(epoch, Frame::Message(FromAgent::Progress { id, progress })).await;
                Reply::Listed
            }
            Call::GetRest(_) => {
                peer.send(epoch, Frame::Data { id, bytes: Bytes::from_static(TEXT) }).await;
                peer.send(epoch, Frame::Message(FromAgent::DataEnd { id, digest: digest(TEXT) })).await;
                Reply::Sent(digest(TEXT))
            }
            Call::Fingerprint(_) => Reply::Fingerprint(digest(b"")),
            _ => Reply::Pong,
        };
        peer.send(epoch, Frame::Message(FromAgent::Done { id, reply })).await;
    }
}

async fn copy(entries: Vec<Entry>, to: &Path, depth: CopyDepth) -> Result<CopySummary, CopyError> {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (events, _heard) = Events::channel();
    let phase = events.phase(Part::Machine, "copy", "");
    let host = async {
        let (deadline, cancel) = (Deadline::after(Duration::from_mins(2)), CancellationToken::new());
        let session = Session::open(ours, SessionOpening::Again, deadline, &cancel).await.expect("it answers");
        receive(&session, GuestTree { path: "/there/top", depth }, to, &phase, &cancel).await
    };
    tokio::select! {
        copied = host => copied,
        () = lie(theirs, entries) => unreachable!("it answers for ever"),
    }
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry { path: path.to_owned(), mode: 0o4777, kind }
}

fn file() -> EntryKind {
    EntryKind::File { bytes: TEXT.len() as u64 }
}

fn link(target: &Path) -> EntryKind {
    EntryKind::Link { target: target.to_str().expect("a plain name").to_owned() }
}

/// A folder to copy to, and one that is none of the copy's business.
fn world() -> tempfile::TempDir {
    let world = tempfile::tempdir().expect("a folder");
    fs_err::create_dir_all(world.path().join("outside/a")).expect("folders");
    fs_err::write(world.path().join("outside/file"), "kept").expect("a file");
    for (path, mode) in [("outside", 0o711), ("outside/a", 0o755), ("outside/file", 0o640)] {
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(world.path().join(path), mode).expect("it is ours");
    }
    fs_err::create_dir(world.path().join("to")).expect("a folder");
    world
}

/// Entries with modes and contents of all but the folder that is copied to.
fn outside(world: &Path) -> Vec<(Entry, Vec<u8>)> {
    let listed = local::list(world, CopyDepth::Tree).expect("it can be read");
    let others = listed.into_iter().filter(|entry| !entry.path.starts_with("to"));
    others.map(|entry| (entry.clone(), fs_err::read(world.join(&entry.path)).unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_folder_listed_over_a_link_writes_nothing() {
    for again in ["a/", "a", "./a", "a//", "a/."] {
        let world = world();
        let before = outside(world.path());
        let entries = vec![
            entry("", EntryKind::Folder),
            entry("a", link(&world.path().join("outside"))),
            entry(again, EntryKind::Folder),
            entry("a/file", file()),
        ];
        let refused = copy(entries, &world.path().join("to"), CopyDepth::Tree).await.expect_err("a lie");
        assert!(matches!(refused, CopyError::Listing { .. }), "{again}: {refused}");
        assert_eq!(refused.exit(), Exit::Integrity);
        assert_eq!(outside(world.path()), before);
        assert_eq!(fs_err::read_dir(world.path().join("to")).expect("a folder").count(), 0);
    }
}

#[tokio::test]
async fn links_that_are_here_already_are_not_followed() {
    let world = world();
    let before = outside(world.path());
    let top = world.path().join("to/top");
    fs_err::create_dir(&top).expect("a folder");
    symlink(world.path().join("outside"), top.join("a")).expect("a link");
    symlink(world.path().join("outside/file"), top.join("file")).expect("a link");
    let listed = |rest: &[Entry]| [&[entry("", EntryKind::Folder)], rest].concat();
    let folder = listed(&[entry("a", EntryKind::Folder), entry("a/file", file())]);
    let refused = copy(folder, &world.path().join("to"), CopyDepth::Tree).await.expect_err("in the way");
    assert!(matches!(refused, CopyError::InTheWay(_)), "{refused}");
    copy(listed(&[entry("file", file())]), &world.path().join("to"), CopyDepth::Tree)
        .await
        .expect("the link gives way");
    assert_eq!(fs_err::read(top.join("file")).expect("a file"), TEXT);
    assert!(!top.join("file").is_symlink());
    assert_eq!(outside(world.path()), before);
}

#[tokio::test]
async fn a_file_asked_for_does_not_arrive_as_a_link() {
    let world = world();
    let to = world.path().join("to/file");
    fs_err::write(&to, "old").expect("a file");
    let refused = copy(vec![entry("", link(Path::new("/etc")))], &to, CopyDepth::File).await.expect_err("a lie");
    assert_eq!(refused.exit(), Exit::Integrity);
    assert_eq!(fs_err::read_to_string(&to).expect("a file"), "old");
}

fn paths() -> impl Strategy<Value = String> {
    let part = sample::select(vec!["a", "b", "file", "a", "b", "file", ".", "..", ""]);
    collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(Config { cases: 200, ..Config::default() })]
    #[test]
    fn nothing_outside_changes_whatever_is_listed(
        listed in collection::vec((paths(), prop_oneof![Just(0), Just(1), Just(2), Just(3)]), 0..8),
        root in prop_oneof![9 => Just(0), 1 => 1..3],
        planted in any::<bool>(),
    ) {
        let world = world();
        let before = outside(world.path());
        let kind = |kind| match kind {
            0 => EntryKind::Folder,
            1 => file(),
            2 => link(&world.path().join("outside")),
            _ => link(Path::new("../../outside/file")),
        };
        if planted {
            fs_err::create_dir(world.path().join("to/top")).map_err(|error| TestCaseError::fail(error.to_string()))?;
            symlink("../../outside", world.path().join("to/top/b")).expect("a link");
        }
        let mut entries = vec![entry("", kind(root))];
        entries.extend(listed.iter().map(|(path, number)| entry(path, kind(*number))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let copied = runtime.block_on(copy(entries, &world.path().join("to"), CopyDepth::Tree));
        prop_assert_eq!(outside(world.path()), before, "{:?}", copied);
    }
}
