//! Messages between the vmbuild host and its guest agent, and their framing.
//!
//! A host program and an agent in a throw-away machine share one byte pipe: a Unix socket, a virtio-serial
//! port, vsock or SSH. Some of those pipes have no notion of a connection (virtio-serial keeps unread
//! bytes), so every frame carries the session's epoch and a checksum, and a reader that finds
//! itself in the middle of another frame looks for the next frame header instead of guessing.
//!
//! * [`hello`] is the first thing each side sends. It is stable for ever: it must be readable by any version.
//! * [`message`] holds everything after it, as append-only enums.
//! * [`request`] pairs each request with its reply.
//! * [`frame`] and [`codec`] put either of them, or a chunk of raw bytes, on the wire.
//!
//! This crate does no I/O and knows nothing of QEMU, Linux or CPython. `docs/protocol.md` describes the wire.

pub mod codec;
pub mod frame;
pub mod hello;
pub mod message;
pub mod request;

pub use codec::{Codec, CodecError};
pub use frame::{CHUNK, Envelope, Frame, MAX_PAYLOAD, WINDOW};
pub use hello::{BUILD_ID, Epoch, Hello, PROTOCOL, STDIO_READY};
pub use message::{
    Action, Call, Check, Clock, CommandLine, Connect, Digest, Entry, EntryKind, Exec, Exited, Facts, FailureKind,
    Fingerprint, FromAgent, GetFile, GetRest, Interactive, Interpreter, List, Make, Mounted, NewEntry, Offered,
    OutputStream, Pack, Package, PackageManager, Packed, ProgramInput, Progress, Provision, PutFile, PutRest, Reply,
    RequestFailure, RequestId, Stage, Step, StepDone, Steps, TerminalSize, ToAgent, Validate, Verdict, Watch,
};
pub use request::{AgentRequest, FactsRequest, GrowRootRequest, PingRequest, PowerOffRequest, ResolveRequest};
