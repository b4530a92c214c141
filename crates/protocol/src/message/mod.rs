//! Everything said after the hello. Variants and fields are only ever appended: postcard encodes a variant
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
pub use interactive::{Connect, Input, Interactive, TerminalSize};
pub use offered::Offered;
pub use trees::{Entry, EntryKind, Fingerprint, GetRest, List, Made, Make, PutRest};
pub use validate::{Check, Interpreter, Validate, Verdict};

/// Names one request within a session; chosen by the host, never reused in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u32);

/// What the host says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// Start a request.
    Request {
        /// Its name from now on.
        id: RequestId,
        /// What to do.
        call: Call,
    },
    /// Stop a request: its processes end, a half-arrived file goes. The agent still answers with `Failed`
    /// (kind [`FailureKind::Cancelled`]) or, if it was faster, `Done`.
    Cancel {
        /// Which request.
        id: RequestId,
    },
    /// The host has consumed this many more bytes of the request's data frames.
    Credit {
        /// Which request.
        id: RequestId,
        /// Bytes by which the agent's window grows.
        bytes: u32,
    },
    /// The request's data frames towards the guest are complete.
    DataEnd {
        /// Which request.
        id: RequestId,
        /// What was sent.
        digest: Digest,
    },
    /// The host's terminal has another size now.
    Resize {
        /// Which request.
        id: RequestId,
        /// The size.
        size: TerminalSize,
    },
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// Bytes a process wrote, at most [`crate::frame::CHUNK`] at a time. Counts against the request's window.
    Output {
        /// Which request.
        id: RequestId,
        /// Where the process wrote them.
        stream: OutputStream,
        /// The bytes as written.
        bytes: Bytes,
    },
    /// How far a request has come.
    Progress {
        /// Which request.
        id: RequestId,
        /// What happened.
        progress: Progress,
    },
    /// The agent has consumed this many more bytes of the request's data frames.
    Credit {
        /// Which request.
        id: RequestId,
        /// Bytes by which the host's window grows.
        bytes: u32,
    },
    /// The request's data frames towards the host are complete.
    DataEnd {
        /// Which request.
        id: RequestId,
        /// What was sent.
        digest: Digest,
    },
    /// The request ended as asked.
    Done {
        /// Which request.
        id: RequestId,
        /// Its result.
        reply: Reply,
    },
    /// The request could not be done.
    Failed {
        /// Which request.
        id: RequestId,
        /// Why.
        failure: RequestFailure,
    },
}

/// What the host can ask for.
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
    /// Make a folder or link. Answered with `Reply::Made`.
    Make(Make),
    /// Let the root file system grow to the end of its disk. Answered with `Reply::Grown`.
    GrowRoot,
    /// Say what installing these packages would take from the archives now. Answered with `Reply::Resolved`.
    Resolve(Provision),
}

/// How a request ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Ping`.
    Pong,
    /// To `Facts`.
    Facts(Facts),
    /// To `Exec`: also for a program that failed; that is the caller's business.
    Exited(Exited),
    /// To `PutFile`: what arrived, now under its name.
    Stored(Digest),
    /// To `GetFile`: what was sent.
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
    /// To `Fingerprint`: what there was of the bytes asked for.
    Fingerprint(Digest),
    /// To `List`: every entry has been said.
    Listed,
    /// To `Make`.
    Made,
    /// To `GrowRoot`.
    Grown {
        /// Bytes the root file system has now.
        bytes: u64,
    },
    /// To `Resolve`, sorted by name: what is installed already is not among them.
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
    /// A step came further. Sent at most a few times a second.
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
    /// A step ended well.
    StepFinished(StepDone),
    /// A check has its verdict.
    Checked(Check),
    /// Some entries of a list.
    Listed(Vec<Entry>),
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFailure {
    /// The class, for the host to act on.
    pub kind: FailureKind,
    /// What was tried and what went wrong: a lowercase fragment.
    pub message: String,
    /// The failing step, for `Build`.
    pub step: Option<u32>,
    /// The end of the output that led here, if a program was involved.
    pub tail: String,
}

/// The classes of failure a host can tell apart.
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
    /// Bytes that arrived are not those that were sent.
    DigestMismatch,
    /// The request makes no sense to this agent.
    Invalid,
    /// The guest's disk is full.
    NoSpace,
    /// A step's output did not show what it had to show.
    Unconvincing,
    /// A program failed after the guest's kernel had ended processes for want of memory.
    NoMemory,
}
