//! All messages after the hello. Variants and fields are only ever appended: postcard encodes a variant
//! by its index and a struct by its field order. `tests/golden.rs` pins the bytes of each.

mod build;
mod exec;
mod facts;
mod files;
mod interactive;
mod offered;
mod trees;
mod validate;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use build::{Action, Pack, Packed, Provision, Stage, Step, StepDone, Steps, Watch};
pub use exec::{CommandLine, Exec, Exited, OutputStream};
pub use facts::{Clock, Facts, Mounted, Package, PackageManager};
pub use files::{Digest, GetFile, PutFile};
pub use interactive::{Connect, Interactive, ProgramInput, TerminalSize};
pub use offered::Offered;
pub use trees::{Entry, EntryKind, Fingerprint, GetRest, List, Make, NewEntry, PutRest};
pub use validate::{Check, Interpreter, Validate, Verdict};

/// Names one request within a session; chosen by the host, never reused in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u32);

/// Messages from the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// Start a request.
    Request {
        /// Its name from now on.
        id: RequestId,
        /// The call.
        call: Call,
    },
    /// Stop a request: its processes end, a half-arrived file is removed. The agent still answers with `Failed`
    /// (kind [`FailureKind::Cancelled`]) or, if it was faster, `Done`.
    Cancel {
        /// The request.
        id: RequestId,
    },
    /// The host has consumed this many more bytes of the request's data frames.
    Credit {
        /// The request.
        id: RequestId,
        /// Bytes by which the agent's window grows.
        bytes: u32,
    },
    /// The request's data frames towards the guest are complete.
    DataEnd {
        /// The request.
        id: RequestId,
        /// Digest of the bytes that were sent.
        digest: Digest,
    },
    /// The new size of the host's terminal.
    Resize {
        /// The request.
        id: RequestId,
        /// The size.
        size: TerminalSize,
    },
}

/// Messages from the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// Bytes a process wrote, at most [`crate::frame::CHUNK`] at a time. Counts against the request's window.
    Output {
        /// The request.
        id: RequestId,
        /// The stream that the process wrote to.
        stream: OutputStream,
        /// The bytes as written.
        bytes: Bytes,
    },
    /// How far a request has come.
    Progress {
        /// The request.
        id: RequestId,
        /// The progress.
        progress: Progress,
    },
    /// The agent has consumed this many more bytes of the request's data frames.
    Credit {
        /// The request.
        id: RequestId,
        /// Bytes by which the host's window grows.
        bytes: u32,
    },
    /// The request's data frames towards the host are complete.
    DataEnd {
        /// The request.
        id: RequestId,
        /// Digest of the bytes that were sent.
        digest: Digest,
    },
    /// The request ended as asked.
    Done {
        /// The request.
        id: RequestId,
        /// Its result.
        reply: Reply,
    },
    /// The request failed.
    Failed {
        /// The request.
        id: RequestId,
        /// The failure.
        failure: RequestFailure,
    },
}

/// Calls from the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// Answer `Reply::Pong`: measures the round trip.
    Ping,
    /// Describe the guest. Answered with `Reply::Facts`.
    Facts,
    /// Run a program. Answered with `Reply::Exited`.
    Exec(Exec),
    /// Receive a file. Data frames follow; answered with `Reply::Stored`.
    PutFile(PutFile),
    /// Send a file. Data frames come first; answered with `Reply::Sent`.
    GetFile(GetFile),
    /// Install packages. Answered with `Reply::Provisioned`.
    Provision(Provision),
    /// Run a recipe's steps in order, stopping at the first that fails. Answered with `Reply::Built`.
    Build(Steps),
    /// Pack a tree as an artifact. Answered with `Reply::Packed`.
    Pack(Pack),
    /// Run the checks on an artifact. Answered with `Reply::Validated`.
    Validate(Validate),
    /// Set the guest's clock. Answered with `Reply::ClockSet`.
    SetClock(Clock),
    /// End the machine: answered with `Reply::Ending`, then the agent syncs and powers off (as first process)
    /// or exits (as an ordinary one).
    PowerOff,
    /// Run a program and feed it. Data frames follow; answered with `Reply::Exited`.
    Interactive(Interactive),
    /// Connect to a port of the guest. Data frames go both ways; answered with `Reply::Closed`.
    Connect(Connect),
    /// Answered with `Reply::Fingerprint`.
    Fingerprint(Fingerprint),
    /// Receive the rest of a file. Data frames follow; answered with `Reply::Stored`.
    PutRest(PutRest),
    /// Send the rest of a file. Data frames come first; answered with `Reply::Sent`.
    GetRest(GetRest),
    /// List a tree, as `Progress::Listed`. Answered with `Reply::Listed`.
    List(List),
    /// Create a folder or link. Answered with `Reply::Made`.
    Make(Make),
    /// Let the root file system grow to the end of its disk. Answered with `Reply::Grown`.
    GrowRoot,
    /// Resolve which packages an installation would take from the archives now. Answered with `Reply::Resolved`.
    Resolve(Provision),
}

/// Results of successful requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Ping`.
    Pong,
    /// To `Facts`.
    Facts(Facts),
    /// To `Exec` and `Interactive`: also for a program that failed, which the caller must judge.
    Exited(Exited),
    /// To `PutFile` and `PutRest`: the whole file, now under its name.
    Stored(Digest),
    /// To `GetFile` and `GetRest`: the whole file.
    Sent(Digest),
    /// To `Provision`: every package now installed.
    Provisioned(Vec<Package>),
    /// To `Build`: each step with its duration.
    Built(Vec<StepDone>),
    /// To `Pack`.
    Packed(Packed),
    /// To `Validate`: all checks, in order.
    Validated(Vec<Check>),
    /// To `SetClock`.
    ClockSet,
    /// To `PowerOff`.
    Ending,
    /// To `Connect`: both directions have ended.
    Closed,
    /// To `Fingerprint`: the requested bytes, as far as they exist.
    Fingerprint(Digest),
    /// To `List`: every entry has been sent.
    Listed,
    /// To `Make`.
    Made,
    /// To `GrowRoot`.
    Grown {
        /// Bytes the root file system has now.
        bytes: u64,
    },
    /// To `Resolve`, sorted by name, without the packages that are installed already.
    Resolved(Vec<Offered>),
}

/// Something that happened inside a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// A step began.
    StepStarted {
        /// Index into the request's steps.
        step: u32,
    },
    /// A step advanced. Sent at most a few times a second.
    StepAdvanced {
        /// Index into the request's steps.
        step: u32,
        /// Units done, of the step's [`Watch`].
        done: u64,
        /// Units in total, where known by now.
        total: Option<u64>,
        /// The last complete line of output.
        last_line: String,
    },
    /// A step succeeded.
    StepFinished(StepDone),
    /// A check has its verdict.
    Checked(Check),
    /// Some entries of a list.
    Listed(Vec<Entry>),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFailure {
    /// The class, for the host to act on.
    pub kind: FailureKind,
    /// Description of the failed action: a lowercase fragment.
    pub message: String,
    /// The failing step, for `Build`.
    pub step: Option<u32>,
    /// The end of the output that led here, if a program was involved.
    pub tail: String,
}

/// Classes of failure that a host can distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The host cancelled it.
    Cancelled,
    /// Its own time limit passed.
    TimedOut,
    /// A program in it failed.
    ProgramFailed,
    /// A program could not be started.
    NotStarted,
    /// A file could not be read or written.
    Io,
    /// The bytes that arrived are not those that were sent.
    DigestMismatch,
    /// The request is invalid.
    Invalid,
    /// The guest's disk is full.
    NoSpace,
    /// A step's output did not show the required result.
    Unconvincing,
    /// A program failed after the guest's kernel had OOM-killed processes.
    NoMemory,
}
