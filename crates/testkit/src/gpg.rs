//! A temporary GnuPG home, deleted when dropped; its gpg-agent exits with the folder.

use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// A temporary GnuPG home.
#[derive(Debug)]
pub struct Gpg {
    home: tempfile::TempDir,
}

/// Time of an operation according to GnuPG.
#[derive(Debug, Clone, Copy)]
pub enum GpgTime {
    /// The current time.
    Now,
    /// The given time, such as `20200101T000000`.
    Past(&'static str),
}

impl Gpg {
    /// Creates a home without keys. Prints a note and returns `None` if GnuPG is not installed.
    pub fn new() -> Option<Self> {
        if !PathBuf::from("/usr/bin/gpg").is_file() {
            println!("skipped: gpg is not installed (Debian's package gnupg)");
            return None;
        }
        let home = tempfile::Builder::new().prefix("gpg-").tempdir_in("/tmp").expect("a folder");
        Some(Self { home })
    }

    /// Generates a signing key that expires after `lasts`, such as `1y`, or `never`.
    pub async fn key(&self, owner: &str, lasts: &str, at: GpgTime) {
        self.run(at, &["--passphrase", "", "--quick-generate-key", owner, "ed25519", "sign", lasts]).await;
    }

    /// Returns the owner's public key, armored.
    pub async fn public(&self, owner: &str) -> Vec<u8> {
        self.run(GpgTime::Now, &["--armor", "--export", owner]).await
    }

    /// Returns the fingerprint of the owner's key.
    pub async fn fingerprint(&self, owner: &str) -> String {
        let keys = self.run(GpgTime::Now, &["--with-colons", "--list-keys", owner]).await;
        let text = String::from_utf8(keys).expect("text");
        let line = text.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("the tenth field").to_owned()
    }

    /// Returns a binary detached signature.
    pub async fn sign(&self, owner: &str, data: &[u8], at: GpgTime) -> Vec<u8> {
        self.over(data, at, &["--local-user", owner, "--detach-sign"]).await
    }

    /// Returns a clear-signed document.
    pub async fn clear_sign(&self, owner: &str, text: &[u8]) -> Vec<u8> {
        self.over(text, GpgTime::Now, &["--local-user", owner, "--clear-sign"]).await
    }

    /// Revokes a key: later exports contain the revocation.
    pub async fn revoke(&self, owner: &str) {
        let file = self.home.path().join("openpgp-revocs.d").join(format!("{}.rev", self.fingerprint(owner).await));
        // GnuPG puts a colon in front of the certificate to prevent an accidental import.
        let certificate =
            fs_err::read_to_string(&file).expect("made with the key").replace(":-----BEGIN", "-----BEGIN");
        fs_err::write(&file, certificate).expect("writing");
        self.run(GpgTime::Now, &["--import", file.to_str().expect("text")]).await;
    }

    /// Runs `gpg` on `data` and returns its output.
    pub async fn over(&self, data: &[u8], at: GpgTime, args: &[&str]) -> Vec<u8> {
        let file = self.home.path().join("data");
        fs_err::write(&file, data).expect("writing");
        let args = [args, &["--output", "-", file.to_str().expect("text")]].concat();
        self.run(
            at,
            &[&args[args.len() - 3..args.len() - 1], &args[..args.len() - 3], &args[args.len() - 1..]].concat(),
        )
        .await
    }

    /// Runs `gpg` and returns its output.
    pub async fn run(&self, at: GpgTime, args: &[&str]) -> Vec<u8> {
        let mut command = Command::new("/usr/bin/gpg").arg("--homedir").arg(self.home.path());
        command = command.args(["--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]);
        if let GpgTime::Past(time) = at {
            command = command.args(["--faked-system-time", time]);
        }
        let limit = Deadline::after(Duration::from_mins(2));
        command.args(args).output(limit, &CancellationToken::new()).await.expect("gpg works")
    }
}
