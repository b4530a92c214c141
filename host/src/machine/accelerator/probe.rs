//! Booting a guest kernel, to see whether it reaches user space.

use super::examine::BootFiles;
use crate::machine::Accelerator;
use crate::machine::qemu::options::{Arch, CONSOLE_MARK, Host, QemuCommand};
use crate::machine::qemu::{QemuBinary, QemuError};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Child, Command, Deadline, Tail};

/// What came of a guest kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// The agent, as the first process, printed its first line.
    UserSpace {
        /// Milliseconds from QEMU's start.
        millis: u64,
    },
    /// It had not by the deadline, and was ended.
    Hung {
        /// How long it had.
        seconds: u64,
    },
    /// QEMU ended before.
    Ended {
        /// Such as `exited with 1`.
        how: String,
        /// The last line that QEMU or the guest wrote; may be empty.
        last_line: String,
    },
}

/// Boots the kernel under `accelerator` until its first process, the agent, says something on the console, or
/// until `deadline`. No disk, no network, no sockets; QEMU is gone when this returns, and killed if it is dropped.
pub async fn probe(
    accelerator: Accelerator,
    boot: &BootFiles,
    qemu: &QemuBinary,
    deadline: Deadline,
    cancel: &CancellationToken,
) -> Result<Outcome, QemuError> {
    let platform = (Arch::of_host(), Host::current());
    let command = QemuCommand::for_probe(accelerator, &boot.kernel, &boot.initramfs, platform);
    let started = Instant::now();
    let mut child = Command::new(&qemu.path).args(command.arguments()).spawn()?;
    let outcome = tokio::select! {
        outcome = watch(&mut child, started) => outcome,
        () = deadline.expired() => Ok(Outcome::Hung { seconds: deadline.limit().as_secs() }),
        () = cancel.cancelled() => Err(QemuError::Cancelled),
    };
    child.shutdown().await;
    outcome
}

/// Reads console and errors until the agent's first line, or until QEMU ends.
async fn watch(child: &mut Child, started: Instant) -> Result<Outcome, QemuError> {
    let (mut console, mut errors) = (child.take_stdout(), child.take_stderr());
    let (mut said, mut complaints) = (Tail::default(), Tail::default());
    let reached = {
        // QEMU's own complaints are read beside the console: a full pipe would stop it.
        let complaining = drain(&mut errors, &mut complaints);
        let talking = first_words(&mut console, &mut said);
        tokio::pin!(complaining, talking);
        tokio::select! {
            reached = &mut talking => {
                if !reached {
                    complaining.await;
                }
                reached
            }
            () = &mut complaining => talking.await,
        }
    };
    if reached {
        return Ok(Outcome::UserSpace { millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) });
    }
    let how = child.wait().await?.to_string();
    let line = |tail: &Tail| tail.lines().into_iter().rev().find(|line| !line.is_empty());
    Ok(Outcome::Ended { how, last_line: line(&complaints).or_else(|| line(&said)).unwrap_or_default() })
}

/// Whether the agent says something before the stream ends.
async fn first_words(console: &mut Option<impl AsyncRead + Unpin>, said: &mut Tail) -> bool {
    let (mut buffer, mut reached) = ([0; 4096], false);
    while let Some(stream) = console {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => *console = None,
            Ok(count) => {
                said.push(&buffer[..count]);
                reached = said.lines().iter().any(|line| line.contains(CONSOLE_MARK.trim_end()));
            }
        }
        if reached {
            return true;
        }
    }
    false
}

async fn drain(stream: &mut Option<impl AsyncRead + Unpin>, into: &mut Tail) {
    let mut buffer = [0; 4096];
    while let Some(open) = stream {
        match open.read(&mut buffer).await {
            Ok(0) | Err(_) => *stream = None,
            Ok(count) => into.push(&buffer[..count]),
        }
    }
}
