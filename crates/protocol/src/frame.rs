//! Frames, before they become bytes.

use crate::{Epoch, Hello, RequestId};
use bytes::Bytes;

/// Longest payload a frame may carry, in bytes. A reader never allocates more for one frame.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Bytes of file or program output put into one frame: large enough for speed, small enough that a cancel
/// or a ping is never stuck behind much.
pub const CHUNK: usize = 64 << 10;

/// Bytes a sender may have in flight on one request before the receiver has granted credit.
pub const WINDOW: u32 = 1 << 20;

/// A frame and the session it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<M> {
    /// Frames of another epoch than the session's are dropped unread.
    pub epoch: Epoch,
    /// The frame.
    pub frame: Frame<M>,
}

/// Kinds of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<M> {
    /// The opening of either side.
    Hello(Hello),
    /// A message: [`crate::ToAgent`] or [`crate::FromAgent`].
    Message(M),
    /// Raw bytes of a request: never base64, never inside a message.
    Data {
        /// The request.
        id: RequestId,
        /// At most [`CHUNK`] bytes.
        bytes: Bytes,
    },
}
