//! Races against the real agent, and against sockets that do not answer.

use super::{Transport, TransportKind, race};
use crate::{RaceError, SessionError, SessionOpening};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use vmbuild_agent::guest::GuestSystem;
use vmbuild_agent::listen::serve_unix;
use vmbuild_agent::session::serve_pipe;
use vmbuild_supervise::Deadline;

/// Longer than any test takes.
fn long() -> Deadline {
    Deadline::after(Duration::from_mins(2))
}

/// Sockets of every temper, in one folder.
struct Sockets(tempfile::TempDir);

impl Sockets {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A device as `vhost-device-vsock` is: a line that asks for a port, a line that grants it, then the agent.
async fn device(socket: &Path, port: u32) {
    let listener = UnixListener::bind(socket).expect("a socket");
    loop {
        let (stream, _) = listener.accept().await.expect("a caller");
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a line");
        if line != format!("CONNECT {port}\n") {
            continue;
        }
        stream.write_all(b"OK 1073741824\n").await.expect("it listens");
        let _ = serve_pipe(stream, GuestSystem::complete(false)).await;
    }
}

#[tokio::test]
async fn the_first_agent_to_answer_wins_and_the_others_are_explained() {
    let sockets = Sockets::new();
    let (mute, agent) = (sockets.path("mute"), sockets.path("agent"));
    let _mute = UnixListener::bind(&mute).expect("a socket");
    let ways = [
        Transport::VirtioSerial(mute),
        Transport::VhostUserVsock { socket: sockets.path("nowhere"), port: 7 },
        Transport::Unix(agent.clone()),
    ];
    let test = async {
        let (session, result) =
            race(&ways, SessionOpening::Again, long(), &CancellationToken::new()).await.expect("an agent");
        session.ping().await.expect("a round trip");
        result
    };
    let result = tokio::select! {
        end = serve_unix(&agent, GuestSystem::complete(false)) => panic!("the agent left: {end:?}"),
        result = test => result,
    };
    assert_eq!(result.winner, TransportKind::Unix);
    let losers: Vec<_> = result.losers.iter().map(|loser| (loser.transport, loser.reason.as_str())).collect();
    let [(TransportKind::VirtioSerial, mute), (TransportKind::VhostUserVsock, nowhere)] = losers[..] else {
        panic!("{losers:?}")
    };
    assert_eq!(mute, "accepted the connection, and no agent had answered yet");
    assert!(nowhere.starts_with("No such file"), "{nowhere}");
}

#[tokio::test]
async fn the_device_is_asked_for_a_port_first() {
    let sockets = Sockets::new();
    let socket = sockets.path("device");
    let way = [Transport::VhostUserVsock { socket: socket.clone(), port: 30_306 }];
    let test = async {
        let (session, result) =
            race(&way, SessionOpening::Fresh, long(), &CancellationToken::new()).await.expect("an agent");
        assert_eq!((result.winner, result.losers.len()), (TransportKind::VhostUserVsock, 0));
        session.ping().await.expect("a round trip");
    };
    tokio::select! {
        () = device(&socket, 30_306) => {}
        () = test => {}
    }
}

#[tokio::test]
async fn a_device_can_answer_after_the_race_is_decided() {
    let sockets = Sockets::new();
    let (slow, agent) = (sockets.path("slow"), sockets.path("agent"));
    let device = UnixListener::bind(&slow).expect("a socket");
    let ways = [Transport::VhostUserVsock { socket: slow, port: 7 }, Transport::Unix(agent.clone())];
    let decided = tokio::sync::Notify::new();
    let test = async {
        let cancel = CancellationToken::new();
        let mut race = Box::pin(race(&ways, SessionOpening::Again, long(), &cancel));
        // The other way needs a few milliseconds.
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut race).await.is_err(), "it waits for the answer");
        decided.notify_one();
        race.await.expect("an agent").1
    };
    let answer = async {
        let (stream, _) = device.accept().await.expect("a caller");
        let mut stream = BufReader::new(stream);
        stream.read_line(&mut String::new()).await.expect("a line");
        decided.notified().await;
        stream.write_all(b"OK 1073741824\n").await.expect("the caller is still there");
    };
    let result = tokio::select! {
        end = serve_unix(&agent, GuestSystem::complete(false)) => panic!("the agent left: {end:?}"),
        (result, ()) = async { tokio::join!(test, answer) } => result,
    };
    assert_eq!(result.winner, TransportKind::Unix);
}

#[tokio::test]
async fn without_a_winner_the_way_that_came_furthest_is_told() {
    let sockets = Sockets::new();
    let mute = sockets.path("mute");
    let _mute = UnixListener::bind(&mute).expect("a socket");
    let nowhere = Transport::Unix(sockets.path("nowhere"));
    let short = || Deadline::after(Duration::from_millis(100));
    let lost =
        race(&[nowhere.clone(), Transport::Unix(mute)], SessionOpening::Again, short(), &CancellationToken::new())
            .await;
    assert!(matches!(lost, Err(RaceError::Session(SessionError::NoAnswer { .. }))), "{lost:?}");
    let lost = race(std::slice::from_ref(&nowhere), SessionOpening::Again, short(), &CancellationToken::new()).await;
    assert!(matches!(lost, Err(RaceError::Nobody(_))), "{lost:?}");
    let cancel = CancellationToken::new();
    cancel.cancel();
    let lost = race(&[nowhere], SessionOpening::Again, long(), &cancel).await;
    assert!(matches!(lost, Err(RaceError::Session(SessionError::Cancelled))), "{lost:?}");
}
