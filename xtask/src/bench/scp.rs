//! scp to this host itself: the best that SSH can do here, without any guest. Uses its own SSH server, with its own
//! keys, on a port of the loopback address.

use crate::workspace::{TaskError, Workspace};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vmbuild_supervise::{Child, Command};

/// The artifact: 100 MB.
const BYTES: usize = 100_000_000;
/// Time limit for the server to listen.
const LISTENS: Duration = Duration::from_secs(10);

/// A server and its clients' files.
pub(super) struct ScpBench<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl<'a> ScpBench<'a> {
    /// The row of the table; if the server does not run, with the reason.
    pub(super) async fn row(workspace: &'a Workspace, bench: &Path, rounds: usize) -> String {
        let folder = bench.join("scp");
        match Self::measure(workspace, &folder, rounds).await {
            Ok(row) => row,
            Err(error) => format!("| scp | - | - | - | did not run: {error} |"),
        }
    }

    async fn measure(workspace: &'a Workspace, folder: &Path, rounds: usize) -> Result<String, TaskError> {
        let mut scp = Self::start(workspace, folder).await?;
        let measured = scp.times(rounds).await;
        scp.server.shutdown().await;
        fs_err::remove_dir_all(folder)?;
        let (put, got, run) = measured?;
        let rate = |took: Duration| BYTES as f64 / 1e6 / took.as_secs_f64();
        let run = run.as_secs_f64() * 1000.0;
        Ok(format!("| scp and ssh over loopback, no guest | {:.1} | {:.1} | - | {run:.1} |", rate(put), rate(got)))
    }

    async fn start(workspace: &'a Workspace, folder: &Path) -> Result<Self, TaskError> {
        if folder.is_dir() {
            fs_err::remove_dir_all(folder)?;
        }
        fs_err::create_dir_all(folder)?;
        for key in ["host", "user"] {
            let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
            workspace.read(workspace.program("ssh-keygen").args(words).arg(folder.join(key))).await?;
        }
        // A free port: the server takes it a moment later.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let _ = fs_err::create_dir_all("/run/sshd");
        let server = Command::new("/usr/sbin/sshd").args(["-D", "-f", "/dev/null", "-o", "PidFile=none"]);
        let server = server.args(["-o", "StrictModes=no", "-o", &format!("ListenAddress=127.0.0.1:{port}")]);
        let option = |name: &str, file: &str| format!("{name}={}", folder.join(file).display());
        let server = server.args(["-o", &option("HostKey", "host"), "-o", &option("AuthorizedKeysFile", "user.pub")]);
        let server = server.args(["-o", "Subsystem=sftp internal-sftp"]).spawn()?;
        let (folder, since) = (folder.to_owned(), Instant::now());
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() && since.elapsed() < LISTENS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { workspace, folder, port, server })
    }

    fn client(&self, program: &str, port: &str) -> Command {
        let client =
            self.workspace.program(program).args(["-q", "-F", "/dev/null", port, &self.port.to_string(), "-i"]);
        let client = client.arg(self.folder.join("user")).args(["-o", "BatchMode=yes"]);
        client.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
    }

    /// Measures in, out, and the median of a small command.
    async fn times(&self, rounds: usize) -> Result<(Duration, Duration, Duration), TaskError> {
        let file = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        fs_err::write(file("artifact"), vec![7; BYTES])?;
        let there = |name: &str| format!("127.0.0.1:{}", file(name));
        let timed = async |command: Command| {
            let since = Instant::now();
            self.workspace.read(command).await.map(|_| since.elapsed())
        };
        let put = timed(self.client("scp", "-P").args([file("artifact"), there("there")])).await?;
        let got = timed(self.client("scp", "-P").args([there("there"), file("back")])).await?;
        let mut runs = Vec::new();
        for _ in 0..rounds {
            runs.push(timed(self.client("ssh", "-p").args(["127.0.0.1", "true"])).await?);
        }
        runs.sort();
        Ok((put, got, runs[runs.len() / 2]))
    }
}
