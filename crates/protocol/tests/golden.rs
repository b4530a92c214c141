//! The bytes of every message, pinned. A variant or field that moves, changes its type or goes away changes bytes
//! here; then old and new programs would misread each other. New ones are appended, and get a sample.

use serde::{Serialize, de::DeserializeOwned};
use std::fmt::{Debug, Write};
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::Encoder;
use vmbuild_protocol::{
    Action, Call, Check, Clock, Codec, CommandLine, Connect, Digest, Entry, EntryKind, Envelope, Epoch, Exec, Exited,
    Facts, FailureKind, Fingerprint, Frame, FromAgent, GetFile, GetRest, Hello, Interactive, Interpreter, List, Make,
    Mounted, NewEntry, Offered, OutputStream, Pack, Package, PackageManager, Packed, ProgramInput, Progress, Provision,
    PutFile, PutRest, Reply, RequestFailure, RequestId, Stage, Step, StepDone, Steps, TerminalSize, ToAgent, Validate,
    Verdict, Watch,
};

/// Several times the longest sample: enough zeros to decode anything from.
const ZEROS: usize = 4096;

/// Checks one sample of each variant, in order, and lists their bytes.
fn pin<T: Serialize + DeserializeOwned + PartialEq + Debug>(variants: &[T]) -> String {
    let mut list = String::new();
    for (index, variant) in variants.iter().enumerate() {
        let bytes = postcard::to_stdvec(variant).expect("it encodes");
        assert_eq!(usize::from(bytes[0]), index, "{variant:?} is not at its place");
        assert_eq!(&postcard::from_bytes::<T>(&bytes).expect("it decodes"), variant);
        writeln!(list, "{variant:?}\n  {}", hex::encode(&bytes)).expect("writing to memory");
    }
    // Zeros decode as any type's smallest value. If this decodes, there is a variant that has no sample above.
    let mut unknown = vec![0; ZEROS];
    unknown[0] = u8::try_from(variants.len()).expect("few variants");
    assert!(postcard::from_bytes::<T>(&unknown).is_err(), "variant {} has no sample", variants.len());
    list
}

fn id() -> RequestId {
    RequestId(300)
}

fn digest() -> Digest {
    Digest { bytes: 70_000, sha256: std::array::from_fn(|at| u8::try_from(at).expect("32 bytes")) }
}

fn command() -> CommandLine {
    CommandLine {
        argv: vec!["./configure".into(), "--prefix=/opt".into()],
        env: vec![("CC".into(), "gcc".into())],
        cwd: "/b".into(),
    }
}

fn facts() -> Facts {
    Facts {
        os: "Debian".into(),
        kernel: "6.1".into(),
        arch: "x86_64".into(),
        hostname: "job".into(),
        cpus: 1,
        cpu_model: "cpu".into(),
        memory_bytes: 2,
        memory_available_bytes: 3,
        disk_free_bytes: 4,
        uptime_seconds: 5,
        agent_uptime_seconds: 6,
        is_init: true,
        clock: Clock { unix_nanos: 7 },
        mounts: vec![Mounted { path: "/".into(), kind: "ext4".into(), size_bytes: 8, free_bytes: 9 }],
        packages: vec![package()],
        compiler: "gcc".into(),
    }
}

fn package() -> Package {
    Package { name: "zlib".into(), version: "1.3".into(), arch: "amd64".into() }
}

fn check() -> Check {
    Check { number: 7, name: "version".into(), verdict: Verdict::Fail, evidence: "3.12.5".into() }
}

fn step_done() -> StepDone {
    StepDone { step: 1, millis: 2, units: 3 }
}

fn validate() -> Validate {
    Validate {
        folder: "/in".into(),
        artifact: "a.tgz".into(),
        interpreter: Interpreter {
            version: "3.12.6".into(),
            prefix: "opt/p".into(),
            binary: "python3.12".into(),
            pip: "pip3.12".into(),
        },
        min_bytes: 1,
        max_bytes: 2,
        strict: true,
        modules: vec!["ssl".into()],
        timeout_ms: 3,
    }
}

fn provision() -> Provision {
    Provision {
        manager: PackageManager::Apt,
        packages: vec!["gcc".into()],
        sources: Some("/s".into()),
        snapshot: Some("20260705T000000Z".into()),
        epoch: Some(9),
        stage: Stage::Download,
    }
}

fn offered() -> Offered {
    Offered {
        name: "gcc".into(),
        version: "12".into(),
        arch: "all".into(),
        size: 300,
        sha256: "ab".into(),
        file: "pool/gcc.deb".into(),
    }
}

fn steps() -> Steps {
    Steps { steps: vec![Step { name: "make".into(), action: run() }] }
}

fn size() -> TerminalSize {
    TerminalSize { rows: 24, columns: 300 }
}

fn run() -> Action {
    Action::Run { command: command(), timeout_ms: 1000, watch: Watch::Compile { total: Some(402) } }
}

#[test]
fn to_agent() {
    insta::assert_snapshot!(pin(&[
        ToAgent::Request { id: id(), call: Call::Ping },
        ToAgent::Cancel { id: id() },
        ToAgent::Credit { id: id(), bytes: 1 << 18 },
        ToAgent::DataEnd { id: id(), digest: digest() },
        ToAgent::Resize { id: id(), size: size() },
    ]));
}

#[test]
fn from_agent() {
    let failure = RequestFailure {
        kind: FailureKind::ProgramFailed,
        message: "no".into(),
        step: Some(2),
        tail: "last\nwords".into(),
    };
    insta::assert_snapshot!(pin(&[
        FromAgent::Output { id: id(), stream: OutputStream::Stderr, bytes: Bytes::from_static(b"out") },
        FromAgent::Progress { id: id(), progress: Progress::StepStarted { step: 1 } },
        FromAgent::Credit { id: id(), bytes: 1 << 18 },
        FromAgent::DataEnd { id: id(), digest: digest() },
        FromAgent::Done { id: id(), reply: Reply::Pong },
        FromAgent::Failed { id: id(), failure },
    ]));
}

#[test]
fn call() {
    insta::assert_snapshot!(pin(&[
        Call::Ping,
        Call::Facts,
        Call::Exec(Exec { command: command(), timeout_ms: Some(1500) }),
        Call::PutFile(PutFile { path: "/p".into(), mode: 0o644, size: 70_000 }),
        Call::GetFile(GetFile { path: "/p".into() }),
        Call::Provision(provision()),
        Call::Build(steps()),
        Call::Pack(Pack { root: "/r".into(), to: "/t".into(), mtime: 1 }),
        Call::Validate(validate()),
        Call::SetClock(Clock { unix_nanos: 1 << 60 }),
        Call::PowerOff,
        Call::Interactive(Interactive {
            command: command(),
            timeout_ms: None,
            input: ProgramInput::Terminal { size: size(), kind: "xterm".into() },
        }),
        Call::Connect(Connect { port: 8080 }),
        Call::Fingerprint(Fingerprint { path: "/p".into(), bytes: 70_000 }),
        Call::PutRest(PutRest { path: "/p".into(), arriving: "/q".into(), from: 300, mode: 0o4755, size: 70_000 }),
        Call::GetRest(GetRest { path: "/p".into(), from: 300 }),
        Call::List(List { path: "/p".into(), depth: 300 }),
        Call::Make(Make { path: "/p".into(), what: NewEntry::Folder { mode: 0o755 } }),
        Call::GrowRoot,
        Call::Resolve(provision()),
    ]));
}

#[test]
fn reply() {
    insta::assert_snapshot!(pin(&[
        Reply::Pong,
        Reply::Facts(facts()),
        Reply::Exited(Exited::Code(1)),
        Reply::Stored(digest()),
        Reply::Sent(digest()),
        Reply::Provisioned(vec![package()]),
        Reply::Built(vec![step_done()]),
        Reply::Packed(Packed { entries: 1, unpacked_bytes: 2, digest: digest() }),
        Reply::Validated(vec![check()]),
        Reply::ClockSet,
        Reply::Ending,
        Reply::Closed,
        Reply::Fingerprint(digest()),
        Reply::Listed,
        Reply::Made,
        Reply::Grown { bytes: 70_000 },
        Reply::Resolved(vec![offered()]),
    ]));
}

#[test]
fn stages() {
    insta::assert_snapshot!(pin(&[Stage::Whole, Stage::Install, Stage::Download]));
}

#[test]
fn progress() {
    insta::assert_snapshot!(pin(&[
        Progress::StepStarted { step: 1 },
        Progress::StepAdvanced { step: 1, done: 2, total: Some(3), last_line: "gcc".into() },
        Progress::StepFinished(step_done()),
        Progress::Checked(check()),
        Progress::Listed(vec![Entry { path: "a".into(), mode: 0o644, kind: EntryKind::File { bytes: 300 } }]),
    ]));
}

#[test]
fn action() {
    let files = Action::RequireFiles {
        under: "/b".into(),
        suffix: ".gcda".into(),
        at_least: 5,
        otherwise: "no training".into(),
    };
    insta::assert_snapshot!(pin(&[
        run(),
        Action::Write { path: "/p".into(), contents: "text".into(), mode: 0o755 },
        files,
    ]));
}

#[test]
fn small_enums() {
    let lists = [
        pin(&[Watch::LastLine, Watch::Compile { total: None }, Watch::RegressionTests]),
        pin(&[Exited::Code(255), Exited::Signal(9)]),
        pin(&[ProgramInput::Piped, ProgramInput::Terminal { size: size(), kind: "dumb".into() }]),
        pin(&[
            EntryKind::File { bytes: 1 },
            EntryKind::Folder,
            EntryKind::Link { target: "t".into() },
            EntryKind::Other,
        ]),
        pin(&[NewEntry::Folder { mode: 0o700 }, NewEntry::Link { target: "t".into() }]),
        pin(&[OutputStream::Stdout, OutputStream::Stderr]),
        pin(&[PackageManager::Apt, PackageManager::Dnf]),
        pin(&[Verdict::Pass, Verdict::Warn, Verdict::Fail]),
        pin(&[
            FailureKind::Cancelled,
            FailureKind::TimedOut,
            FailureKind::ProgramFailed,
            FailureKind::NotStarted,
            FailureKind::Io,
            FailureKind::DigestMismatch,
            FailureKind::Invalid,
            FailureKind::NoSpace,
            FailureKind::Unconvincing,
            FailureKind::NoMemory,
        ]),
    ];
    insta::assert_snapshot!(lists.concat());
}

/// Headers, checksums and the hello: what every version must be able to read.
#[test]
fn frames() {
    let epoch = Epoch(0x1234_5678);
    let frames = [
        Frame::Hello(Hello { protocol: 1, build: "0123456789abcdef".into(), epoch }),
        Frame::Message(ToAgent::Cancel { id: id() }),
        Frame::Data { id: id(), bytes: Bytes::from_static(b"bytes") },
    ];
    let mut list = String::new();
    for frame in frames {
        let mut bytes = BytesMut::new();
        let text = format!("{frame:?}");
        Codec::<ToAgent, ToAgent>::default().encode(Envelope { epoch, frame }, &mut bytes).expect("it fits");
        let (head, payload) = bytes.split_at(vmbuild_protocol::codec::HEADER);
        writeln!(list, "{text}\n  {} {}", hex::encode(head), hex::encode(payload)).expect("writing to memory");
    }
    insta::assert_snapshot!(list);
}
