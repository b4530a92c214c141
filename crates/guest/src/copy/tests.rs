//! Copies against the real agent, which shares this host's files.

use super::{CopyDepth, CopyError, CopySummary, GuestTree, name, receive, send};
use crate::{Session, SessionError, SessionOpening};
use std::cell::Cell;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_agent::guest::GuestSystem;
use vmbuild_agent::session::serve_pipe;
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::{PutRest, WINDOW};
use vmbuild_supervise::Deadline;

pub(super) async fn with_agent(test: impl AsyncFnOnce(&Session)) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let test = async {
        let deadline = Deadline::after(Duration::from_mins(2));
        let session = Session::open(ours, SessionOpening::Again, deadline, &CancellationToken::new())
            .await
            .expect("the agent answers");
        test(&session).await;
    };
    let (_, ()) = tokio::join!(serve_pipe(theirs, GuestSystem::complete(false)), test);
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

pub(super) async fn there(
    session: &Session,
    from: &Path,
    to: &str,
    depth: CopyDepth,
) -> Result<CopySummary, CopyError> {
    let (events, _heard) = Events::channel();
    let phase = events.phase(Part::Machine, "copy", "");
    send(session, from, GuestTree { path: to, depth }, &phase, &CancellationToken::new()).await
}

pub(super) async fn back(session: &Session, from: &str, to: &Path, depth: CopyDepth) -> Result<CopySummary, CopyError> {
    let (events, _heard) = Events::channel();
    let phase = events.phase(Part::Machine, "copy", "");
    receive(session, GuestTree { path: from, depth }, to, &phase, &CancellationToken::new()).await
}

/// Paths, modes and contents, sorted.
fn tree(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in super::local::list(root, CopyDepth::Tree).expect("it can be read") {
        let bytes = fs_err::read(root.join(&entry.path)).map(|bytes| bytes.len()).unwrap_or_default();
        lines.push(format!("{} {:o} {bytes} {:?}", entry.path, entry.mode & 0o777, entry.kind));
    }
    lines
}

fn sample(root: &Path) {
    fs_err::create_dir_all(root.join("sub/empty")).expect("folders");
    fs_err::write(root.join("sub/run.sh"), "#!/bin/sh\n").expect("a file");
    fs_err::write(root.join("big"), vec![5; 2 * WINDOW as usize + 17]).expect("a file");
    fs_err::write(root.join("ein name mit ü"), "").expect("a file");
    symlink("sub/run.sh", root.join("link")).expect("a link");
    symlink("/nowhere/at all", root.join("dangling")).expect("a link");
    let mode = |path: &str, mode| {
        fs_err::set_permissions(root.join(path), std::fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    mode("sub/run.sh", 0o750);
    mode("big", 0o400);
    mode("sub/empty", 0o555);
}

#[tokio::test]
async fn a_tree_goes_there_and_back_with_modes_and_links() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to, again) = (folder.path().join("from"), folder.path().join("to"), folder.path().join("again"));
    sample(&from);
    with_agent(async |session| {
        let sent = there(session, &from, text(&to), CopyDepth::Tree).await.expect("it is copied");
        assert_eq!((sent.files, sent.bytes, sent.skipped), (3, 2 * u64::from(WINDOW) + 17 + 10, 0));
        assert_eq!(tree(&to), tree(&from));
        back(session, text(&to), &again, CopyDepth::Tree).await.expect("it is copied");
        assert_eq!(tree(&again), tree(&from));
        // Into a folder that exists, under its own name; and over what is there.
        for _ in 0..2 {
            there(session, &from.join("big"), text(&to.join("sub")), CopyDepth::File).await.expect("it is copied");
            back(session, text(&from), &again, CopyDepth::Tree).await.expect("it is copied");
        }
        assert!(to.join("sub/big").is_file() && again.join("from/sub/run.sh").is_file());
    })
    .await;
}

#[tokio::test]
async fn folders_and_missing_things_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    with_agent(async |session| {
        let path = text(folder.path());
        let folder_there = there(session, folder.path(), "/tmp/x", CopyDepth::File).await.expect_err("a folder");
        assert_eq!((folder_there.exit(), folder_there.to_string()), (Exit::Usage, format!("{path} is a folder")));
        let folder_back = back(session, path, folder.path(), CopyDepth::File).await.expect_err("a folder");
        assert!(matches!(folder_back, CopyError::Folder(_)));
        let missing = back(session, "/no/such/thing", folder.path(), CopyDepth::Tree).await.expect_err("nothing there");
        assert_eq!(missing.to_string(), "there is no /no/such/thing in the machine");
        let local = there(session, Path::new("/no/such/thing"), "/tmp/x", CopyDepth::File).await;
        assert!(matches!(local, Err(CopyError::Local(_))));
    })
    .await;
}

/// Begins to send a file and breaks off after `enough` bytes.
async fn break_off(session: &Session, from: &Path, to: &Path, enough: u64) {
    let cancel = CancellationToken::new();
    let arriving = to.with_file_name(name::arriving("there"));
    let size = fs_err::metadata(from).expect("it is there").len();
    let order = PutRest { path: text(to).to_owned(), arriving: text(&arriving).to_owned(), from: 0, mode: 0o644, size };
    let put = session.put_rest(from, order, &cancel, |bytes| {
        if bytes >= enough {
            cancel.cancel();
        }
    });
    assert!(matches!(put.await, Err(SessionError::Cancelled)));
    // The agent ends the request after we have: what it wrote is on the disk once it says so.
    session.ping().await.expect("a round trip");
    let mut last = 0;
    while last == 0 || fs_err::metadata(&arriving).expect("what arrived is kept").len() != last {
        last = fs_err::metadata(&arriving).map(|about| about.len()).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!to.exists(), "half a file has no name");
}

#[tokio::test]
async fn a_broken_copy_goes_on_from_what_arrived_unless_that_is_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("in/there"));
    fs_err::create_dir(folder.path().join("in")).expect("a folder");
    let bytes: Vec<u8> = (0..6 * WINDOW).map(|at| u8::try_from(at % 253).expect("small")).collect();
    fs_err::write(&from, &bytes).expect("a file");
    with_agent(async |session| {
        break_off(session, &from, &to, 3 * u64::from(WINDOW)).await;
        let copied = there(session, &from, text(&to), CopyDepth::File).await.expect("it is copied");
        assert!(copied.resumed > u64::from(WINDOW), "{copied:?}");
        assert!(fs_err::read(&to).expect("it is there") == bytes);

        fs_err::remove_file(&to).expect("it is ours");
        break_off(session, &from, &to, 3 * u64::from(WINDOW)).await;
        fs_err::write(to.with_file_name(name::arriving("there")), vec![1; 2 * WINDOW as usize]).expect("other bytes");
        let copied = there(session, &from, text(&to), CopyDepth::File).await.expect("it is copied");
        assert_eq!(copied.resumed, 0);
        assert!(fs_err::read(&to).expect("it is there") == bytes);
        assert_eq!(fs_err::read_dir(folder.path().join("in")).expect("a folder").count(), 1, "nothing else is left");
    })
    .await;
}

#[tokio::test]
async fn a_broken_fetch_goes_on_from_what_arrived_unless_that_is_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("in/there"));
    fs_err::create_dir(folder.path().join("in")).expect("a folder");
    let bytes: Vec<u8> = (0..6 * WINDOW).map(|at| u8::try_from(at % 253).expect("small")).collect();
    fs_err::write(&from, &bytes).expect("a file");
    let arriving = to.with_file_name(name::arriving("there"));
    let resumed = Cell::new(0);
    with_agent(async |session| {
        for (arrived, expect) in [(bytes[..4_000_000].to_vec(), 4_000_000), (vec![9; 100], 0), (Vec::new(), 0)] {
            fs_err::write(&arriving, arrived).expect("what an earlier attempt left");
            let copied = back(session, text(&from), &to, CopyDepth::File).await.expect("it is copied");
            resumed.set(copied.resumed);
            assert_eq!(copied.resumed, expect);
            assert!(fs_err::read(&to).expect("it is there") == bytes && !arriving.exists());
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_in_a_folders_place_is_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to, other) = (folder.path().join("from"), folder.path().join("to"), folder.path().join("other"));
    fs_err::create_dir_all(from.join("sub")).expect("folders");
    fs_err::write(from.join("sub/file"), "text").expect("a file");
    fs_err::create_dir_all(to.join("from")).expect("a folder");
    fs_err::create_dir(&other).expect("a folder");
    symlink(&other, to.join("from/sub")).expect("a link");
    with_agent(async |session| {
        let refused = back(session, text(&from), &to, CopyDepth::Tree).await.expect_err("a link is in the way");
        assert!(matches!(refused, CopyError::InTheWay(_)), "{refused}");
    })
    .await;
    assert_eq!(fs_err::read_dir(&other).expect("a folder").count(), 0);
}
