//! One side of the wire, frame by frame: for saying what neither the real host nor the real agent would say.

use super::super::SessionError;
use super::support::{never, open, pipe, shell};
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Encoder, FramedRead};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_protocol::{Codec, Envelope, Epoch, Frame, FromAgent, Hello, ToAgent};

/// A frame's bytes.
pub(super) fn frame<In, Out: Serialize>(epoch: Epoch, frame: Frame<Out>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    Codec::<In, Out>::default().encode(Envelope { epoch, frame }, &mut bytes).expect("it fits");
    bytes.to_vec()
}

pub(super) fn hello<M>(protocol: u32, build: &str, epoch: Epoch) -> Frame<M> {
    Frame::Hello(Hello { protocol, build: build.to_owned(), epoch })
}

/// Hears `In`, says `Out`.
pub(crate) struct Peer<In, Out> {
    reader: FramedRead<tokio::io::ReadHalf<DuplexStream>, Codec<In, Out>>,
    writer: tokio::io::WriteHalf<DuplexStream>,
}

impl<In: DeserializeOwned, Out: Serialize> Peer<In, Out> {
    pub(crate) fn new(pipe: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(pipe);
        Self { reader: FramedRead::new(reader, Codec::default()), writer }
    }

    pub(crate) async fn receive(&mut self) -> Frame<In> {
        self.reader.next().await.expect("something comes").expect("it can be read").frame
    }

    /// Waits for the hello of a session, and listens to that session.
    pub(crate) async fn hello(&mut self) -> Epoch {
        let Frame::Hello(hello) = self.receive().await else { panic!("a hello comes first") };
        self.reader.decoder_mut().session = Some(hello.epoch);
        hello.epoch
    }

    pub(crate) async fn send(&mut self, epoch: Epoch, said: Frame<Out>) {
        self.write(&frame::<In, Out>(epoch, said)).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.expect("somebody listens");
    }
}

/// The result of a request if the agent sends this instead of a reply, and then leaves.
async fn answered(words: impl FnOnce(Epoch) -> Vec<u8>) -> SessionError {
    let (ours, theirs) = pipe();
    let agent = async {
        let mut peer = Peer::<ToAgent, FromAgent>::new(theirs);
        let epoch = peer.hello().await;
        peer.send(epoch, Frame::Hello(Hello::ours(epoch))).await;
        peer.receive().await;
        peer.write(&words(epoch)).await;
    };
    let host = async {
        let session = open(ours).await.expect("it answers");
        let error = session.exec(shell("true"), &never(), |_, _| ()).await.expect_err("no answer");
        assert!(session.ping().await.is_err(), "the session is over");
        error
    };
    tokio::join!(host, agent).0
}

#[tokio::test]
async fn an_agent_that_leaves_or_speaks_in_tongues_is_reported_as_such() {
    let lost = answered(|_| Vec::new()).await;
    assert_eq!((lost.to_string().as_str(), lost.exit()), ("lost contact with the agent", Exit::Environment));
    assert!(lost.hints()[0].starts_with("the agent or its machine ended"));
    let half = answered(|epoch| frame::<ToAgent, FromAgent>(epoch, Frame::Hello(Hello::ours(epoch)))[..20].to_vec());
    assert!(matches!(half.await, SessionError::Lost));
    let garbled = answered(|epoch| frame::<ToAgent, Vec<u8>>(epoch, Frame::Message(vec![250; 9]))).await;
    assert!(matches!(garbled, SessionError::Garbled(_)), "{garbled:?}");
}
