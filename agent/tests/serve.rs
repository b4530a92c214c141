//! The agent as a program, spoken to frame by frame.

#![expect(clippy::unwrap_used, reason = "helpers of a test panic as tests do")]

use futures_util::{SinkExt, StreamExt};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio_util::codec::Framed;
use vmbuild_protocol::{Call, Codec, Envelope, Epoch, Frame, FromAgent, Hello, Reply, RequestId, ToAgent};
use vmbuild_supervise::{Child, ChildEnd, Command};

const EPOCH: Epoch = Epoch(4711);

type Pipe = Framed<UnixStream, Codec<FromAgent, ToAgent>>;

async fn start(socket: &Path) -> Child {
    let agent = Command::new(env!("CARGO_BIN_EXE_vmbuild-agent"));
    let child = agent.arg("serve").arg("--unix").arg(socket).spawn().unwrap();
    while UnixStream::connect(socket).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child
}

async fn send_frame(pipe: &mut Pipe, frame: Frame<ToAgent>) {
    pipe.send(Envelope { epoch: EPOCH, frame }).await.unwrap();
}

async fn request(pipe: &mut Pipe, call: Call) -> Frame<FromAgent> {
    send_frame(pipe, Frame::Message(ToAgent::Request { id: RequestId(1), call })).await;
    pipe.next().await.unwrap().unwrap().frame
}

#[tokio::test]
async fn it_replaces_a_stale_socket_serves_its_owner_and_leaves_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let mut agent = start(&socket).await;
    let file = fs_err::symlink_metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);

    let mut pipe = Framed::new(UnixStream::connect(&socket).await.unwrap(), Codec::of_session(EPOCH));
    // Before a hello nothing is obeyed; the first thing heard is the answer to it.
    send_frame(&mut pipe, Frame::Message(ToAgent::Request { id: RequestId(1), call: Call::PowerOff })).await;
    send_frame(&mut pipe, Frame::Hello(Hello { protocol: 99, build: "another".to_owned(), epoch: EPOCH })).await;
    let heard = pipe.next().await.unwrap().unwrap();
    assert_eq!(heard, Envelope { epoch: EPOCH, frame: Frame::Hello(Hello::ours(EPOCH)) });

    let pong = Frame::Message(FromAgent::Done { id: RequestId(1), reply: Reply::Pong });
    assert_eq!(request(&mut pipe, Call::Ping).await, pong);
    let ending = Frame::Message(FromAgent::Done { id: RequestId(1), reply: Reply::Ending });
    assert_eq!(request(&mut pipe, Call::PowerOff).await, ending);
    assert_eq!(agent.wait().await.unwrap(), ChildEnd::Code(0));
}
