//! Copies to names that are not regular files, on both sides.

use super::tests::{back, text, there, with_agent};
use super::{CopyDepth, CopyError};
use crate::SessionError;
use rustix::fs::{CWD, FileType, Mode, makedev, mkfifoat, mknodat};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_archive::ReplaceError;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_core::store::write_atomically;

const TEXT: &str = "copied\n";

fn source(folder: &Path) -> PathBuf {
    let source = folder.join("source");
    fs_err::write(&source, TEXT).expect("a file");
    source
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_fifo_is_written_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, fifo) = (source(folder.path()), folder.path().join("fifo"));
    mkfifoat(CWD, &fifo, Mode::RWXU).expect("a FIFO");
    let reader = |path: PathBuf| std::thread::spawn(move || fs_err::read_to_string(path).expect("text"));
    with_agent(async |session| {
        let got = reader(fifo.clone());
        back(session, text(&from), &fifo, CopyDepth::File).await.expect("it is copied");
        assert_eq!(got.join().expect("it ends"), TEXT);
        let got = reader(fifo.clone());
        there(session, &from, text(&fifo), CopyDepth::File).await.expect("it is copied");
        assert_eq!(got.join().expect("it ends"), TEXT);
        let got = reader(fifo.clone());
        let never = CancellationToken::new();
        session.put_file(&from, text(&fifo), 0o644, &never, |_| ()).await.expect("it is copied");
        assert_eq!(got.join().expect("it ends"), TEXT);
        let refused = session.get_file(text(&from), &fifo, &never, |_| ()).await.expect_err("not a file");
        assert!(matches!(refused, SessionError::Local(_)));
    })
    .await;
    assert!(fs_err::metadata(&fifo).expect("it is there").file_type().is_fifo());
}

#[tokio::test]
async fn a_device_stays_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, device, link) = (source(folder.path()), folder.path().join("device"), folder.path().join("link"));
    // Like `/dev/null`, but ours.
    if let Err(error) = mknodat(CWD, &device, FileType::CharacterDevice, Mode::RWXU, makedev(1, 3)) {
        println!("skipped: a_device_stays_one: mknod: {error}");
        return;
    }
    symlink(&device, &link).expect("a link");
    with_agent(async |session| {
        for target in [&device, &link] {
            // Some file systems hold devices that cannot be opened: then nothing is copied, but the device stays.
            let opens = fs_err::OpenOptions::new().write(true).open(target).is_ok();
            assert_eq!(back(session, text(&from), target, CopyDepth::File).await.is_ok(), opens);
            assert_eq!(there(session, &from, text(target), CopyDepth::File).await.is_ok(), opens);
            let put = session.put_file(&from, text(target), 0o644, &CancellationToken::new(), |_| ()).await;
            assert_eq!(put.is_ok(), opens);
            assert!(write_atomically(target, b"record").is_err());
        }
    })
    .await;
    assert!(fs_err::symlink_metadata(&device).expect("it is there").file_type().is_char_device());
    assert!(link.is_symlink());
}

#[tokio::test]
async fn a_links_target_is_replaced_and_keeps_its_mode() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, link, target) = (source(folder.path()), folder.path().join("link"), folder.path().join("in/target"));
    fs_err::create_dir(folder.path().join("in")).expect("a folder");
    symlink("in/target", &link).expect("a link");
    let reset = || {
        fs_err::write(&target, "old").expect("a file");
        fs_err::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    };
    let is_replaced = || {
        assert_eq!(fs_err::read_to_string(&target).expect("a file"), TEXT);
        assert!(link.is_symlink(), "the link stays");
        assert_eq!(fs_err::read_dir(folder.path()).expect("a folder").count(), 3, "nothing else is left behind");
    };
    with_agent(async |session| {
        reset();
        back(session, text(&from), &link, CopyDepth::File).await.expect("it is copied");
        is_replaced();
        assert_eq!(mode(&target), 0o600);
        reset();
        there(session, &from, text(&link), CopyDepth::File).await.expect("it is copied");
        is_replaced();
        assert_eq!(mode(&target), 0o600);
        let put = session.put_file(&from, text(&link), 0o640, &CancellationToken::new(), |_| ()).await;
        put.expect("it is copied");
        is_replaced();
        assert_eq!(mode(&target), 0o640, "this request says the mode");
        reset();
        write_atomically(&link, TEXT.as_bytes()).expect("it is written");
        is_replaced();
    })
    .await;
}

#[tokio::test]
async fn a_dangling_link_and_a_socket_are_wrong_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, link, socket) = (source(folder.path()), folder.path().join("link"), folder.path().join("socket"));
    symlink("none", &link).expect("a link");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    with_agent(async |session| {
        for (target, kind) in [(&link, "dangling symbolic link"), (&socket, "a socket")] {
            let here = back(session, text(&from), target, CopyDepth::File).await.expect_err("not a file");
            assert!(matches!(here, CopyError::Replace(ReplaceError::Dangling(_) | ReplaceError::NotAFile { .. })));
            let guest = there(session, &from, text(target), CopyDepth::File).await.expect_err("not a file");
            for refused in [here, guest] {
                let said = refused.to_string();
                assert!(said.contains(kind) && said.contains(text(target)), "{said}");
                assert_eq!(refused.exit(), Exit::Usage);
            }
            assert!(write_atomically(target, b"record").expect_err("not a file").to_string().contains(kind));
        }
    })
    .await;
    assert!(link.is_symlink() && !link.exists());
}

#[tokio::test]
async fn a_fifo_in_a_tree_is_in_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs_err::create_dir_all(&from).expect("a folder");
    fs_err::create_dir_all(to.join("from")).expect("a folder");
    symlink("nowhere", from.join("name")).expect("a link");
    mkfifoat(CWD, to.join("from/name"), Mode::RWXU).expect("a FIFO");
    with_agent(async |session| {
        for _ in 0..2 {
            let refused = back(session, text(&from), &to, CopyDepth::Tree).await.expect_err("a FIFO");
            assert_eq!((refused.exit(), refused.to_string().contains("is a FIFO")), (Exit::Usage, true), "{refused}");
            // As a link at first, then as a file.
            fs_err::remove_file(from.join("name")).expect("it is ours");
            source(&from);
            fs_err::rename(from.join("source"), from.join("name")).expect("it is ours");
        }
    })
    .await;
    assert!(fs_err::metadata(to.join("from/name")).expect("it is there").file_type().is_fifo());
}
