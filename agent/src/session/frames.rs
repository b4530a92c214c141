//! A host's frames, read from a pipe that may hold half of one.
//!
//! A pipe without connection state keeps what a host wrote before it died: perhaps the head of a frame whose rest
//! never comes. A reader that waits for that rest takes the next host's hello for a part of it. The next host only
//! notices that no answer comes; but it has sent its hello and now waits. So a reader that gets nothing more of an
//! unfinished frame checks whether the bytes that it has end with a hello.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder;
use vmbuild_protocol::{Codec, CodecError, Envelope, Epoch, FromAgent, ToAgent};

/// How long to wait for the rest of a frame before searching it for a hello.
const QUIET: Duration = Duration::from_millis(100);
/// Bytes to read at a time, at least.
const READ_SIZE: usize = 16 << 10;

/// Frames from a host.
#[derive(Debug)]
pub(super) struct HostFrames<R> {
    reader: R,
    codec: Codec<ToAgent, FromAgent>,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> HostFrames<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, codec: Codec::default(), buffer: BytesMut::new() }
    }

    /// Sets the session whose frames are returned, besides hellos.
    pub(super) fn set_session(&mut self, session: Option<Epoch>) {
        self.codec.session = session;
    }

    /// Reads the next frame; none at the pipe's end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Envelope<ToAgent>>, CodecError> {
        loop {
            if let Some(envelope) = self.codec.decode(&mut self.buffer)? {
                return Ok(Some(envelope));
            }
            if self.found_hello().await? {
                continue;
            }
            self.buffer.reserve(READ_SIZE);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return self.codec.decode_eof(&mut self.buffer);
            }
        }
    }

    /// Given an unfinished frame, reads on, or finds a hello at its end if nothing comes.
    async fn found_hello(&mut self) -> Result<bool, CodecError> {
        if self.buffer.is_empty() {
            return Ok(false);
        }
        self.buffer.reserve(READ_SIZE);
        match tokio::time::timeout(QUIET, self.reader.read_buf(&mut self.buffer)).await {
            Ok(read) => Ok(read? > 0),
            Err(_) => Ok(self.codec.skip_to_hello(&mut self.buffer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HostFrames, QUIET};
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio_util::bytes::{Bytes, BytesMut};
    use tokio_util::codec::Encoder;
    use vmbuild_protocol::{Codec, Envelope, Epoch, Frame, FromAgent, Hello, MAX_PAYLOAD, RequestId, ToAgent};

    fn bytes(epoch: u32, frame: Frame<ToAgent>) -> BytesMut {
        let mut bytes = BytesMut::new();
        let envelope = Envelope { epoch: Epoch(epoch), frame };
        Codec::<FromAgent, ToAgent>::default().encode(envelope, &mut bytes).expect("it fits");
        bytes
    }

    fn hello(epoch: u32) -> BytesMut {
        bytes(epoch, Frame::Hello(Hello::ours(Epoch(epoch))))
    }

    fn pipe() -> (DuplexStream, HostFrames<DuplexStream>) {
        let (host, agent) = duplex(4 << 20);
        (host, HostFrames::new(agent))
    }

    #[tokio::test]
    async fn a_hello_behind_half_a_frame_is_found() {
        let (mut host, mut frames) = pipe();
        let whole = bytes(1, Frame::Data { id: RequestId(1), bytes: Bytes::from(vec![7; MAX_PAYLOAD - 4]) });
        for left in [1, 5, 15, 16, 17, 3000, MAX_PAYLOAD - 100] {
            host.write_all(&whole[..left]).await.expect("room");
            host.write_all(&hello(2)).await.expect("room");
            let found = frames.next().await.expect("a healthy pipe").expect("a hello");
            assert!(matches!(found, Envelope { epoch: Epoch(2), frame: Frame::Hello(_) }), "{left}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_hello_within_a_frame_is_none_as_long_as_more_comes() {
        let (mut host, mut frames) = pipe();
        let content = [&hello(9)[..], b"and more"].concat();
        let whole = bytes(1, Frame::Data { id: RequestId(1), bytes: content.clone().into() });
        frames.set_session(Some(Epoch(1)));
        let slowly = async {
            for piece in whole.chunks(20) {
                host.write_all(piece).await.expect("room");
                tokio::time::sleep(QUIET / 5).await;
            }
            // However long the wait: these bytes do not end with a hello.
            host.write_all(&whole[..whole.len() - 1]).await.expect("room");
            tokio::time::sleep(QUIET * 3).await;
            host.write_all(&whole[whole.len() - 1..]).await.expect("room");
        };
        let twice = async {
            for _ in 0..2 {
                let found = frames.next().await.expect("a healthy pipe").expect("a frame");
                assert!(matches!(&found.frame, Frame::Data { bytes, .. } if *bytes == content), "{found:?}");
            }
        };
        tokio::join!(slowly, twice);
    }

    #[tokio::test]
    async fn the_end_is_an_end() {
        let (mut host, mut frames) = pipe();
        host.write_all(&hello(1)[..20]).await.expect("room");
        drop(host);
        assert!(frames.next().await.expect("an end").is_none());
    }
}
