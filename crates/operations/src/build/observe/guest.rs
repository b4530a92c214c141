//! Asking the machine with its own programs.

use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_guest::Session;
use vmbuild_protocol::{CommandLine, Exec, Exited, OutputStream};

/// Milliseconds that a question may take: an emulated machine reads its whole build tree.
const PATIENCE: u64 = 10 * 60_000;

/// A program that was asked did not answer.
#[derive(Debug, thiserror::Error)]
#[error("failed to look at what was built: `{line}` ended with {exited:?}{}", said.trim_end())]
struct NoAnswer {
    line: String,
    exited: Exited,
    said: String,
}

impl Diagnose for NoAnswer {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

/// A machine to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObservedGuest<'a> {
    pub(super) session: &'a Session,
    pub(super) cancel: &'a CancellationToken,
}

impl ObservedGuest<'_> {
    /// The lines that a program prints. Status 1 is an answer too: that is how `grep` and `dpkg-query` say "none".
    pub(super) async fn lines(self, argv: &[&str]) -> Result<Vec<String>, Failure> {
        let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
        let line = argv.join(" ");
        let path = "/usr/sbin:/usr/bin:/sbin:/bin";
        let env = vec![("PATH".to_owned(), path.to_owned()), ("LC_ALL".to_owned(), "C".to_owned())];
        let command = CommandLine { argv, env, cwd: "/".to_owned() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let heard = |stream, bytes: &[u8]| match stream {
            OutputStream::Stdout => out.extend_from_slice(bytes),
            OutputStream::Stderr => err.extend_from_slice(bytes),
        };
        let exited = self.session.exec(Exec { command, timeout_ms: Some(PATIENCE) }, self.cancel, heard).await?;
        if !matches!(exited, Exited::Code(0 | 1)) {
            let said = format!(": {}", String::from_utf8_lossy(&err));
            return Err(NoAnswer { line, exited, said }.into());
        }
        Ok(String::from_utf8_lossy(&out).lines().map(str::to_owned).collect())
    }

    /// Fetches a file.
    pub(super) async fn fetch(self, from: &str, to: &Path) -> Result<(), Failure> {
        self.session.get_file(from, to, self.cancel, |_| ()).await?;
        Ok(())
    }
}
