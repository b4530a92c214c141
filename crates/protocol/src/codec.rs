//! Frames to bytes and back.
//!
//! ```text
//! offset  0      2     3     4        8         12        16
//!         magic  kind  zero  epoch    length    crc32     payload (length bytes)
//! ```
//!
//! Integers are little-endian; the checksum covers the first twelve bytes and the payload. A byte pipe without
//! connection state can start in the middle of a frame whose writer died. So the decoder never trusts a length
//! before the checksum agrees: on a mismatch it drops one byte and looks for the next header in the bytes that it has.
//!
//! Nor does it decode messages of another session: those may come from another version. Until [`Codec::session`] is set only hellos come out, afterwards hellos and that session's frames.

use crate::frame::{Envelope, Frame, MAX_PAYLOAD};
use crate::{Epoch, Hello, RequestId};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;
use tokio_util::codec::{Decoder, Encoder};

/// Bytes before the payload.
pub const HEADER: usize = 16;
const MAGIC: [u8; 2] = [0xB1, 0x56];

/// Why a frame could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The pipe itself failed.
    #[error("the byte pipe failed")]
    Io(#[from] std::io::Error),
    /// A message grew past [`MAX_PAYLOAD`].
    #[error("a frame of {0} bytes exceeds the limit of {MAX_PAYLOAD}")]
    TooLong(usize),
    /// The checksum is right but the message is unknown: the other side has another version.
    #[error("a frame with a valid checksum does not decode: the other side has another version")]
    Undecodable(#[source] postcard::Error),
    /// A frame kind this version does not know.
    #[error("unknown frame kind {0}: the other side has another version")]
    UnknownKind(u8),
}

/// Encodes `Out` messages, decodes `In` messages.
#[derive(Debug)]
pub struct Codec<In, Out> {
    /// Bytes dropped while looking for a header: zero on a healthy pipe.
    pub skipped: u64,
    /// The session whose frames are read; those of any other are dropped undecoded. Hellos always come out.
    pub session: Option<Epoch>,
    messages: PhantomData<fn(Out) -> In>,
}

impl<In, Out> Default for Codec<In, Out> {
    fn default() -> Self {
        Self { skipped: 0, session: None, messages: PhantomData }
    }
}

const HELLO: u8 = 0;
const MESSAGE: u8 = 1;
const DATA: u8 = 2;

impl<In, Out: Serialize> Encoder<Envelope<Out>> for Codec<In, Out> {
    type Error = CodecError;

    fn encode(&mut self, envelope: Envelope<Out>, to: &mut BytesMut) -> Result<(), CodecError> {
        let (kind, payload) = match envelope.frame {
            Frame::Hello(hello) => (HELLO, encode_payload(&hello)?),
            Frame::Message(message) => (MESSAGE, encode_payload(&message)?),
            Frame::Data { id, bytes } => {
                let mut payload = BytesMut::with_capacity(4 + bytes.len());
                payload.put_u32_le(id.0);
                payload.put(bytes);
                (DATA, payload.freeze())
            }
        };
        if payload.len() > MAX_PAYLOAD {
            return Err(CodecError::TooLong(payload.len()));
        }
        put_frame(kind, envelope.epoch, &payload, to);
        Ok(())
    }
}

fn encode_payload<T: Serialize>(value: &T) -> Result<Bytes, CodecError> {
    postcard::to_stdvec(value).map(Bytes::from).map_err(CodecError::Undecodable)
}

fn put_frame(kind: u8, epoch: Epoch, payload: &[u8], to: &mut BytesMut) {
    let length = u32::try_from(payload.len()).expect("payload was checked against MAX_PAYLOAD");
    let mut head = [0u8; 12];
    head[..2].copy_from_slice(&MAGIC);
    head[2] = kind;
    head[4..8].copy_from_slice(&epoch.0.to_le_bytes());
    head[8..12].copy_from_slice(&length.to_le_bytes());
    to.reserve(HEADER + payload.len());
    to.put_slice(&head);
    to.put_u32_le(checksum(&head, payload));
    to.put_slice(payload);
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

impl<In: DeserializeOwned, Out> Decoder for Codec<In, Out> {
    type Item = Envelope<In>;
    type Error = CodecError;

    fn decode(&mut self, from: &mut BytesMut) -> Result<Option<Envelope<In>>, CodecError> {
        loop {
            self.seek_magic(from);
            if from.len() < HEADER {
                return Ok(None);
            }
            let length = u32_at(from, 8) as usize;
            if length > MAX_PAYLOAD || from[3] != 0 {
                self.skip(from, 1);
                continue;
            }
            if from.len() < HEADER + length {
                from.reserve(HEADER + length - from.len());
                return Ok(None);
            }
            if checksum(&from[..12], &from[HEADER..HEADER + length]) != u32_at(from, 12) {
                self.skip(from, 1);
                continue;
            }
            let mut frame = from.split_to(HEADER + length).freeze();
            let (kind, epoch) = (frame[2], Epoch(u32_at(&frame, 4)));
            if kind == HELLO || self.session == Some(epoch) {
                frame.advance(HEADER);
                return open(kind, frame).map(|frame| Some(Envelope { epoch, frame }));
            }
        }
    }

    /// The pipe has ended: the head of an unfinished frame was garbage, or its rest was lost.
    fn decode_eof(&mut self, from: &mut BytesMut) -> Result<Option<Envelope<In>>, CodecError> {
        loop {
            if let Some(envelope) = self.decode(from)? {
                return Ok(Some(envelope));
            }
            if from.is_empty() {
                return Ok(None);
            }
            self.give_up(from);
        }
    }
}

impl<In, Out> Codec<In, Out> {
    /// Reads this session's frames from the start.
    pub fn of_session(epoch: Epoch) -> Self {
        Self { session: Some(epoch), ..Self::default() }
    }

    /// Stops waiting for the rest of the frame that `from` begins with, if any: the next [`Decoder::decode`] looks
    /// for another one in the remaining bytes. For a reader that has waited longer than its peer would take.
    pub fn give_up(&mut self, from: &mut BytesMut) {
        self.skip(from, from.len().min(1));
    }

    /// For a reader that has waited in vain for the rest of the frame that `from` begins with: looks for a whole hello at
    /// the very end, and drops the bytes before it. Returns whether there is one.
    pub fn skip_to_hello(&mut self, from: &mut BytesMut) -> bool {
        let Some(at) = (1..from.len()).rev().find(|at| is_whole_hello(&from[*at..])) else { return false };
        self.skip(from, at);
        true
    }

    fn seek_magic(&mut self, from: &mut BytesMut) {
        let at = from.windows(2).position(|pair| pair == MAGIC);
        let keep_last = usize::from(from.last() == Some(&MAGIC[0]));
        let garbage = at.unwrap_or_else(|| from.len() - keep_last);
        self.skip(from, garbage);
    }

    fn skip(&mut self, from: &mut BytesMut, bytes: usize) {
        self.skipped += bytes as u64;
        from.advance(bytes);
    }
}

/// Returns whether these bytes are exactly one hello.
fn is_whole_hello(bytes: &[u8]) -> bool {
    bytes.starts_with(&[MAGIC[0], MAGIC[1], HELLO, 0])
        && bytes.len() >= HEADER
        && bytes.len() - HEADER == u32_at(bytes, 8) as usize
        && checksum(&bytes[..12], &bytes[HEADER..]) == u32_at(bytes, 12)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn open<M: DeserializeOwned>(kind: u8, mut payload: Bytes) -> Result<Frame<M>, CodecError> {
    match kind {
        HELLO => postcard::from_bytes::<Hello>(&payload).map(Frame::Hello).map_err(CodecError::Undecodable),
        MESSAGE => postcard::from_bytes(&payload).map(Frame::Message).map_err(CodecError::Undecodable),
        DATA if payload.len() >= 4 => {
            let id = RequestId(payload.get_u32_le());
            Ok(Frame::Data { id, bytes: payload })
        }
        other => Err(CodecError::UnknownKind(other)),
    }
}
