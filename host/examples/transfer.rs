//! Measures the ways to an agent: `cargo xtask bench transfer` runs this against a named machine, and reads the table.
//!
//! The raw socket is the floor: the same bytes through a pair of Unix sockets, without frames, hashes or a guest.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::Store;
use vmbuild_guest::{Session, SessionOpening, Transport, connect};
use vmbuild_machine::qemu::{QemuRecord, VsockRecord};
use vmbuild_machine::{BackendRecord, MachineFolder};
use vmbuild_protocol::{CommandLine, Exec};
use vmbuild_supervise::Deadline;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The artifact: 100 MB.
const BYTES: usize = 100_000_000;
const PORT: u32 = 30_306;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let name = std::env::args().nth(1).ok_or("the name of a running machine")?;
    let rounds = std::env::args().nth(2).map_or(Ok(20), |rounds| rounds.parse())?;
    let folder = MachineFolder::find(&Store::from_env()?.machines(), name.parse()?)?;
    let temp = tempfile::tempdir()?;
    let artifact = temp.path().join("artifact");
    fs_err::write(&artifact, noise())?;
    let rate = raw(&artifact).await?;
    say(&format!("| raw socket, no guest | {rate:.0} | {rate:.0} | - | - |\n"))?;
    for way in ways(&folder)? {
        say(&measure(&way, (&artifact, temp.path()), rounds).await?)?;
    }
    Ok(())
}

fn say(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}

/// Bytes that do not compress.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..BYTES / 8).flat_map(|_| next()).collect()
}

fn ways(folder: &MachineFolder) -> Outcome<Vec<Transport>> {
    let record = folder.read_record()?.ok_or("it is not running")?;
    Ok(match record.backend {
        BackendRecord::Qemu(QemuRecord { vsock, .. }) => {
            let mut ways = vec![Transport::VirtioSerial(folder.file("agent.sock"))];
            ways.extend(match vsock {
                Some(VsockRecord::Kernel { cid }) => Some(Transport::Vsock { cid, port: PORT }),
                Some(VsockRecord::VhostUser { .. }) => {
                    Some(Transport::VhostUserVsock { socket: folder.file("vsock.sock"), port: PORT })
                }
                Some(VsockRecord::None { .. }) | None => None,
            });
            ways
        }
        _ => vec![Transport::Unix(folder.file("socket/agent.sock"))],
    })
}

/// MB/s through a pair of sockets, from file to memory.
async fn raw(artifact: &Path) -> Outcome<f64> {
    let (mut ours, mut theirs) = tokio::net::UnixStream::pair()?;
    let bytes = fs_err::read(artifact)?;
    let since = Instant::now();
    let send = async {
        ours.write_all(&bytes).await?;
        ours.shutdown().await
    };
    let receive = async {
        let (mut buffer, mut got) = (vec![0; 64 << 10], 0);
        loop {
            match theirs.read(&mut buffer).await? {
                0 => return Ok::<usize, std::io::Error>(got),
                count => got += count,
            }
        }
    };
    let (sent, got) = tokio::join!(send, receive);
    sent?;
    Ok(rate(got?, since.elapsed()))
}

fn rate(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

async fn measure(way: &Transport, (artifact, here): (&Path, &Path), rounds: usize) -> Outcome<String> {
    let cancel = CancellationToken::new();
    let pipe = connect(way).await?;
    let session = Session::open(pipe, SessionOpening::Again, Deadline::after(Duration::from_mins(1)), &cancel).await?;
    let (there, back): (&str, PathBuf) = ("/var/tmp/artifact", here.join("back"));
    let since = Instant::now();
    session.put_file(artifact, there, 0o644, &cancel, |_| ()).await?;
    let put = rate(BYTES, since.elapsed());
    let since = Instant::now();
    session.get_file(there, &back, &cancel, |_| ()).await?;
    let got = rate(BYTES, since.elapsed());
    let mut pings = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..rounds {
        pings.push(session.ping().await?);
        let command = CommandLine { argv: vec!["true".to_owned()], env: Vec::new(), cwd: "/".to_owned() };
        let since = Instant::now();
        session.exec(Exec { command, timeout_ms: None }, &cancel, |_, _| ()).await?;
        runs.push(since.elapsed());
    }
    let (ping, run) = (median(pings), median(runs));
    Ok(format!("| {} | {put:.1} | {got:.1} | {ping:.1} | {run:.1} |\n", way.kind()))
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
