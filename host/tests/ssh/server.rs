//! An OpenSSH server of a test's own.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_guest::{HostKeys, SshWay};
use vmbuild_supervise::{Child, Command, Deadline};

/// Where Debian puts it; it insists on being started by its full name.
const SSHD: &str = "/usr/sbin/sshd";

/// Says why a test did not run.
pub(crate) fn skip<T>(test: &str, reason: &str) -> Option<T> {
    // A panic-free print that nextest keeps: the count at the end of the run reads it.
    let _ = writeln!(std::io::stdout(), "skipped: {test}: {reason}");
    None
}

/// A running server. Dropping it ends it.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    home: PathBuf,
    port: u16,
    user: String,
    _sshd: Child,
}

impl Server {
    /// Starts one; none where there is no `sshd`.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        if !Path::new(SSHD).is_file() {
            return skip(test, "openssh-server is not installed");
        }
        if rustix::process::geteuid().is_root() {
            // Its own start-up script makes this folder; it does not start without.
            fs_err::create_dir_all("/run/sshd").expect("root may");
        }
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["host_key", "user_key"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join(name)))
                .await;
        }
        let home = folder.path().join("home");
        fs_err::create_dir(&home).expect("made");
        let user = String::from_utf8(run(Command::new("id").arg("-un")).await).expect("a name").trim().to_owned();
        // Nobody else takes the port in the moment between: the kernel hands them out in turn.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        fs_err::write(folder.path().join("sshd_config"), settings(folder.path(), port)).expect("written");
        let sshd = Command::new(SSHD).args(["-D", "-e", "-f"]).arg(folder.path().join("sshd_config"));
        let sshd = sshd.stderr(fs_err::File::create(folder.path().join("log")).expect("a log").into_parts().0);
        let server = Self { folder, home, port, user, _sshd: sshd.spawn().expect("it starts") };
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(server)
    }

    /// The way to an agent behind it.
    pub(crate) fn way(&self, agent: &Path) -> SshWay {
        SshWay {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: self.user.clone(),
            keys: vec![self.folder.path().join("user_key")],
            host_keys: HostKeys::Pinned { file: self.folder.path().join("pin") },
            agent: agent.to_owned(),
        }
    }

    /// Its keys and settings.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The home of whoever logs in.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Processes whose program lies in that home.
    pub(crate) fn programs_in_home(&self) -> Vec<PathBuf> {
        let entries = fs_err::read_dir("/proc").expect("mounted").flatten();
        let programs = entries.filter_map(|entry| fs_err::read_link(entry.path().join("exe")).ok());
        programs.filter(|program| program.starts_with(&self.home)).collect()
    }
}

fn settings(folder: &Path, port: u16) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    [
        format!("ListenAddress 127.0.0.1:{port}"),
        format!("HostKey {}", at("host_key")),
        format!("AuthorizedKeysFile {}", at("user_key.pub")),
        format!("SetEnv HOME={}", at("home")),
        "PidFile none".to_owned(),
        "UsePAM no".to_owned(),
        "StrictModes no".to_owned(),
        "PermitRootLogin prohibit-password".to_owned(),
        "PasswordAuthentication no".to_owned(),
        String::new(),
    ]
    .join("\n")
}

async fn run(command: Command) -> Vec<u8> {
    command.output(Deadline::after(Duration::from_mins(1)), &CancellationToken::new()).await.expect("it works")
}
