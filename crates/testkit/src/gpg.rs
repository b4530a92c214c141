//! A GnuPG home of its own, thrown away at the end; its agent ends when the folder goes.

use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// A GnuPG home.
#[derive(Debug)]
pub struct Gpg {
    home: tempfile::TempDir,
}

/// When something happens, for GnuPG.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// Now.
    Now,
    /// At this time, such as `20200101T000000`.
    Past(&'static str),
}

impl Gpg {
    /// One without keys; nothing, and said so, where GnuPG is missing.
    pub fn new() -> Option<Self> {
        if !PathBuf::from("/usr/bin/gpg").is_file() {
            println!("skipped: gpg is not installed (Debian's package gnupg)");
            return None;
        }
        let home = tempfile::Builder::new().prefix("gpg-").tempdir_in("/tmp").expect("a folder");
        Some(Self { home })
    }

    /// Makes a signing key that lasts, such as `1y`, or for ever with `never`.
    pub async fn key(&self, owner: &str, lasts: &str, at: At) {
        self.run(at, &["--passphrase", "", "--quick-generate-key", owner, "ed25519", "sign", lasts]).await;
    }

    /// The public key of this owner, armoured.
    pub async fn public(&self, owner: &str) -> Vec<u8> {
        self.run(At::Now, &["--armor", "--export", owner]).await
    }

    /// Its fingerprint.
    pub async fn fingerprint(&self, owner: &str) -> String {
        let keys = self.run(At::Now, &["--with-colons", "--list-keys", owner]).await;
        let text = String::from_utf8(keys).expect("text");
        let line = text.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("the tenth field").to_owned()
    }

    /// A detached signature, binary.
    pub async fn sign(&self, owner: &str, data: &[u8], at: At) -> Vec<u8> {
        self.over(data, at, &["--local-user", owner, "--detach-sign"]).await
    }

    /// A document with its signature in it.
    pub async fn clear_sign(&self, owner: &str, text: &[u8]) -> Vec<u8> {
        self.over(text, At::Now, &["--local-user", owner, "--clear-sign"]).await
    }

    /// Takes a key back: what is exported from now on says so.
    pub async fn revoke(&self, owner: &str) {
        let file = self.home.path().join("openpgp-revocs.d").join(format!("{}.rev", self.fingerprint(owner).await));
        // GnuPG puts a colon before the certificate, so that nobody imports it by mistake.
        let certificate =
            fs_err::read_to_string(&file).expect("made with the key").replace(":-----BEGIN", "-----BEGIN");
        fs_err::write(&file, certificate).expect("writing");
        self.run(At::Now, &["--import", file.to_str().expect("text")]).await;
    }

    /// Runs `gpg` over `data`, and returns what it writes.
    pub async fn over(&self, data: &[u8], at: At, args: &[&str]) -> Vec<u8> {
        let file = self.home.path().join("data");
        fs_err::write(&file, data).expect("writing");
        let args = [args, &["--output", "-", file.to_str().expect("text")]].concat();
        self.run(
            at,
            &[&args[args.len() - 3..args.len() - 1], &args[..args.len() - 3], &args[args.len() - 1..]].concat(),
        )
        .await
    }

    /// Runs `gpg`.
    pub async fn run(&self, at: At, args: &[&str]) -> Vec<u8> {
        let mut command = Command::new("/usr/bin/gpg").arg("--homedir").arg(self.home.path());
        command = command.args(["--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]);
        if let At::Past(time) = at {
            command = command.args(["--faked-system-time", time]);
        }
        let limit = Deadline::after(Duration::from_mins(2));
        command.args(args).output(limit, &CancellationToken::new()).await.expect("gpg works")
    }
}
