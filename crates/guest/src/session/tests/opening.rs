//! Finding the agent.

use super::super::SessionError;
use super::support::{Lasting, is_alive, long, never, open, pipe, shell, with_agent};
use super::wire::{Peer, frame, hello};
use crate::{Session, SessionOpening, Transport, connect};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use vmbuild_agent::guest::GuestSystem;
use vmbuild_agent::listen::serve_unix;
use vmbuild_agent::session::serve_pipe;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::{BUILD_ID, Epoch, Frame, FromAgent, MAX_PAYLOAD, PROTOCOL, Reply, RequestId, ToAgent};
use vmbuild_supervise::Deadline;

#[tokio::test]
async fn the_real_agent_answers() {
    with_agent(async |session| {
        assert_eq!((session.peer().build.as_str(), session.peer().protocol), (BUILD_ID, PROTOCOL));
        session.ping().await.expect("a round trip");
        assert!(session.facts().await.expect("facts").cpus > 0);
    })
    .await;
}

/// Opens a session with an agent that says this of itself.
async fn against(protocol: u32, build: &str) -> SessionError {
    let (ours, theirs) = pipe();
    let mut peer = Peer::<ToAgent, FromAgent>::new(theirs);
    let answer = async {
        let epoch = peer.hello().await;
        peer.send(epoch, hello(protocol, build, epoch)).await;
    };
    tokio::join!(open(ours), answer).0.expect_err("another program")
}

#[tokio::test]
async fn another_build_is_refused_by_name() {
    let cases = [
        (PROTOCOL + 1, "00000000new00000", "the agent is newer: update vmbuild"),
        (PROTOCOL - 1, "00000000old00000", "the agent is older: `vmbuild destroy` the machine"),
        (PROTOCOL, "00000000odd00000", "the agent is another build: `vmbuild destroy` the machine"),
    ];
    for (protocol, build, hint) in cases {
        let error = against(protocol, build).await;
        let text = format!("the agent is build {build} (protocol {protocol}), this vmbuild is build {BUILD_ID}");
        assert!(error.to_string().starts_with(&text), "{error}");
        assert!(error.hints()[0].starts_with(hint), "{:?}", error.hints());
        assert_eq!(error.exit(), Exit::Environment);
    }
}

#[tokio::test]
async fn silence_an_end_and_an_interruption_are_told_apart() {
    let (ours, theirs) = pipe();
    let silence =
        Session::open(ours, SessionOpening::Again, Deadline::after(Duration::from_millis(700)), &never()).await;
    assert!(matches!(silence, Err(SessionError::NoAnswer { limit }) if limit.as_millis() == 700), "{silence:?}");
    drop(theirs);

    let (ours, theirs) = pipe();
    drop(theirs);
    assert!(matches!(open(ours).await, Err(SessionError::Lost)));

    let (ours, _theirs) = pipe();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let interrupted = Session::open(ours, SessionOpening::Again, long(), &cancel).await.expect_err("cancelled");
    assert_eq!(interrupted.exit(), Exit::Interrupted);
}

/// The first bytes of a frame as long as a frame can be; the rest never comes.
fn half_a_frame() -> Vec<u8> {
    let bytes = vec![9; MAX_PAYLOAD - 4].into();
    let mut half = frame::<ToAgent, FromAgent>(Epoch(1), Frame::Data { id: RequestId(1), bytes });
    half.truncate(3000);
    half
}

#[tokio::test]
async fn what_dead_sessions_left_in_the_pipe_is_overcome() {
    let (mut ours, mut theirs) = pipe();
    // Towards the agent half a frame; towards the host a whole one, one in words of another version, and half a one.
    ours.write_all(&half_a_frame()).await.expect("room");
    let done = FromAgent::Done { id: RequestId(1), reply: Reply::Pong };
    let other_words = frame::<ToAgent, Vec<u8>>(Epoch(1), Frame::Message(vec![250; 9]));
    let left = [frame::<ToAgent, _>(Epoch(1), Frame::Message(done)), other_words, half_a_frame()].concat();
    theirs.write_all(&left).await.expect("room");
    let test = async {
        let session = open(ours).await.expect("the agent answers in the end");
        session.ping().await.expect("and goes on answering");
    };
    let (_, ()) = tokio::join!(serve_pipe(theirs, GuestSystem::complete(false)), test);
}

#[tokio::test]
async fn one_lasting_pipe_carries_one_session_after_another() {
    let (ours, theirs) = pipe();
    let ours = Lasting::new(ours);
    let test = async {
        let (mut before, mut started) = (String::new(), 0);
        for _ in 0..20 {
            let session = open(ours.clone()).await.expect("the agent answers");
            assert!(before.is_empty() || !is_alive(&before), "an earlier session's program still runs");
            before.clear();
            // Leaves in the middle of a flood, with frames of both directions half-way.
            let cancel = never();
            let exec = session.exec(shell("echo $$; exec yes"), &cancel, |_, bytes| {
                if before.is_empty() {
                    let text = String::from_utf8_lossy(bytes);
                    before = text.lines().next().expect("a line").to_owned();
                }
            });
            let _ = tokio::time::timeout(Duration::from_millis(50), exec).await;
            started += usize::from(!before.is_empty());
        }
        assert!(started > 0, "no program got as far as its first line");
    };
    tokio::select! {
        end = serve_pipe(theirs, GuestSystem::complete(false)) => panic!("the agent left: {end:?}"),
        () = test => {}
    }
}

#[tokio::test]
async fn hosts_come_and_go_on_a_real_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agent.sock");
    let test = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let transport = Transport::Unix(path.clone());
        let first = open(connect(&transport).await.expect("it listens")).await.expect("it answers");
        for _ in 0..100 {
            let session = open(connect(&transport).await.expect("it listens")).await.expect("it answers");
            session.ping().await.expect("a round trip");
        }
        first.ping().await.expect("sessions do not disturb each other");
    };
    tokio::select! {
        end = serve_unix(&path, GuestSystem::complete(false)) => panic!("the agent left: {end:?}"),
        () = test => {}
    }
}
