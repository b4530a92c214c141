//! Booting a guest kernel, to see whether it reaches user space.

use super::examine::BootFiles;
use crate::Accelerator;
use crate::agent_parameters::CONSOLE_MARK;
use crate::qemu::options::{Platform, QemuCommand};
use crate::qemu::{QemuBinary, QemuError};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Child, Command, Deadline, Tail};

/// Outcome of booting a guest kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProbeOutcome {
    /// The agent, as the first process, printed its first line.
    UserSpace {
        /// Milliseconds from QEMU's start.
        millis: u64,
    },
    /// It had not reached user space by the deadline, and was ended.
    Hung {
        /// Time it had.
        seconds: u64,
    },
    /// QEMU exited before that.
    Ended {
        /// Such as `exited with 1`.
        how: String,
        /// The most informative line of QEMU's or the guest's output; may be empty.
        telling: String,
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
) -> Result<ProbeOutcome, QemuError> {
    let platform = Platform::current();
    let command = QemuCommand::for_probe(accelerator, &boot.kernel, &boot.initramfs, platform);
    let started = Instant::now();
    let mut child = Command::new(&qemu.path).args(command.arguments()).spawn()?;
    let outcome = tokio::select! {
        outcome = watch(&mut child, started) => outcome,
        () = deadline.expired() => Ok(ProbeOutcome::Hung { seconds: deadline.limit().as_secs() }),
        () = cancel.cancelled() => Err(QemuError::Cancelled),
    };
    child.shutdown().await;
    outcome
}

/// Reads console and errors until the agent's first line, or until QEMU exits.
async fn watch(child: &mut Child, started: Instant) -> Result<ProbeOutcome, QemuError> {
    let (mut console, mut errors) = (child.take_stdout(), child.take_stderr());
    let (mut said, mut complaints) = (Tail::default(), Tail::default());
    let reached = {
        // QEMU's own errors are read concurrently with the console: a full pipe would block it.
        let complaining = drain(&mut errors, &mut complaints);
        let talking = agent_prints(&mut console, &mut said);
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
        return Ok(ProbeOutcome::UserSpace {
            millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
    let how = child.wait().await?.to_string();
    Ok(ProbeOutcome::Ended {
        how,
        telling: telling_line(&complaints).or_else(|| telling_line(&said)).unwrap_or_default(),
    })
}

/// The last line that calls itself an error, or else the last one, without the name of the program before it.
fn telling_line(tail: &Tail) -> Option<String> {
    let lines = tail.lines();
    let mut newest_first = lines.iter().rev().map(String::as_str);
    let error = newest_first.clone().find(|line| line.contains("error: "));
    let line = error.or_else(|| newest_first.find(|line| !line.is_empty()))?;
    let words = line.split_once(": ").filter(|(program, _)| program.starts_with("qemu-system")).map_or(line, |it| it.1);
    Some(words.to_owned())
}

/// Returns true if the agent prints a line before the stream ends.
async fn agent_prints(console: &mut Option<impl AsyncRead + Unpin>, said: &mut Tail) -> bool {
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

#[cfg(test)]
mod tests {
    use super::{BootFiles, ProbeOutcome, probe, telling_line};
    use crate::Accelerator;
    use crate::accelerator::HypervisorDevice;
    use crate::qemu::QemuError;
    use crate::qemu::tiny_guest::{self, GuestEnding, processes_about, qemu_or_skip};
    use std::path::PathBuf;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;
    use vmbuild_supervise::{Deadline, Tail};

    fn check(lines: &str, expect: Option<&str>) {
        let mut tail = Tail::default();
        tail.push(lines.as_bytes());
        assert_eq!(telling_line(&tail).as_deref(), expect);
    }

    #[test]
    fn the_most_telling_line_is_told() {
        check("", None);
        check("one\ntwo\n\n", Some("two"));
        let abort = "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nkvm.c:3183: Assertion failed.\n";
        check(abort, Some("error: failed to set MSR 0x10a to 0x69"));
        check("qemu-system-aarch64: no such file: a\n", Some("no such file: a"));
    }

    const LONG: Duration = Duration::from_secs(30);

    /// Probes with a guest that prints `message`; QEMU must be gone afterwards.
    async fn outcome(
        accelerator: Accelerator,
        message: &str,
        then: GuestEnding,
        limit: Duration,
    ) -> Option<ProbeOutcome> {
        let qemu = qemu_or_skip().await?;
        let temp = tempfile::tempdir().unwrap();
        let (kernel, initramfs) = tiny_guest::write(temp.path(), message, then);
        let (boot, cancel) = (BootFiles { kernel, initramfs }, CancellationToken::new());
        let outcome = probe(accelerator, &boot, &qemu, Deadline::after(limit), &cancel).await.unwrap();
        assert_eq!(processes_about(temp.path()), Vec::<String>::new(), "QEMU is gone");
        Some(outcome)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_guest_that_speaks_has_reached_user_space() {
        for then in [GuestEnding::Hang, GuestEnding::PowerOff] {
            let message = "[    1.0] something else\r\nvmbuild-agent: 0.1.0 starts\r\n";
            let Some(outcome) = outcome(Accelerator::Tcg, message, then, LONG).await else { return };
            assert!(matches!(outcome, ProbeOutcome::UserSpace { millis } if millis > 0), "{outcome:?}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_guest_that_does_not_is_reported_at_the_deadline() {
        let guest = ("[    0.0] Linux version\r\n", GuestEnding::Hang);
        let Some(outcome) = outcome(Accelerator::Tcg, guest.0, guest.1, Duration::from_secs(1)).await else { return };
        assert_eq!(outcome, ProbeOutcome::Hung { seconds: 1 });
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_qemu_that_ends_is_reported_with_the_telling() {
        let guest = ("[    0.1] Kernel panic\r\n", GuestEnding::PowerOff);
        let Some(outcome) = outcome(Accelerator::Tcg, guest.0, guest.1, LONG).await else { return };
        let telling = "[    0.1] Kernel panic".to_owned();
        assert_eq!(outcome, ProbeOutcome::Ended { how: "exited with 0".to_owned(), telling });
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_qemu_that_refuses_is_reported_in_its_own_words() {
        let Some(qemu) = qemu_or_skip().await else { return };
        let nowhere = || PathBuf::from("/nowhere/vmlinuz");
        let (boot, cancel) = (BootFiles { kernel: nowhere(), initramfs: nowhere() }, CancellationToken::new());
        let outcome = probe(Accelerator::Tcg, &boot, &qemu, Deadline::after(LONG), &cancel).await.unwrap();
        let ProbeOutcome::Ended { how, telling } = outcome else { panic!("{outcome:?}") };
        assert_eq!(how, "exited with 1");
        assert!(telling.contains("/nowhere/vmlinuz"), "{telling}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_interruption_ends_it() {
        let Some(qemu) = qemu_or_skip().await else { return };
        let temp = tempfile::tempdir().unwrap();
        let (kernel, initramfs) = tiny_guest::write(temp.path(), "", GuestEnding::Hang);
        let (boot, cancel) = (BootFiles { kernel, initramfs }, CancellationToken::new());
        cancel.cancel();
        let outcome = probe(Accelerator::Tcg, &boot, &qemu, Deadline::after(LONG), &cancel).await;
        assert!(matches!(outcome, Err(QemuError::Cancelled)), "{outcome:?}");
        assert_eq!(processes_about(temp.path()), Vec::<String>::new(), "QEMU is gone");
    }

    /// Whatever KVM does on the machine this runs on, the probe comes to a verdict and QEMU is gone.
    #[tokio::test(flavor = "current_thread")]
    async fn kvm_here_gets_a_verdict() {
        if HypervisorDevice::of(Accelerator::Kvm).await != HypervisorDevice::Usable {
            eprintln!("skipped: no usable /dev/kvm");
            return;
        }
        let guest = ("vmbuild-agent: here\n", GuestEnding::Hang);
        let Some(outcome) = outcome(Accelerator::Kvm, guest.0, guest.1, Duration::from_secs(5)).await else { return };
        eprintln!("here: {outcome:?}");
        let sensible = match &outcome {
            ProbeOutcome::UserSpace { millis } => *millis < 5_000,
            ProbeOutcome::Hung { seconds } => *seconds == 5,
            ProbeOutcome::Ended { how, .. } => how != "exited with 0",
        };
        assert!(sensible, "{outcome:?}");
    }
}
