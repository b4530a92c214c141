//! Making a clean machine of what the publisher's image is: room on the disk, and the runtime packages.

use crate::event::{Events, Pace, Part, Unit};
use crate::image::bootstrap::EPOCH;
use crate::image::{Image, ImageError};
use crate::machine::Machine;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{CommandLine, Exec, Exited, Provision};
use vmbuild_supervise::Tail;

/// Growing a file system online takes a second or two, emulated ten.
const GROW: Duration = Duration::from_mins(5);

/// Grows the root partition and its file system to the disk's size, where the image brings the program for that:
/// every cloud image does. cloud-init did it already where it ran. An image that cannot keeps its own size, and apt
/// says so if that is too little.
pub(super) async fn grow(machine: &Machine, events: &Events, cancel: &CancellationToken) -> Result<(), ImageError> {
    let (found, root) = run(machine, &["findmnt", "-n", "-o", "SOURCE", "/"], cancel).await?;
    let Some((disk, number)) = found.then_some(root.trim()).and_then(split_partition) else { return Ok(()) };
    // It fails if there is nothing to grow too.
    let (grown, said) = run(machine, &["growpart", disk, number], cancel).await?;
    if !grown {
        events.note(Part::Golden, format!("the root partition keeps its size: {}", said.trim()));
        return Ok(());
    }
    let (grown, said) = run(machine, &["resize2fs", root.trim()], cancel).await?;
    if !grown {
        events.note(Part::Golden, format!("the root file system keeps its size: {}", said.trim()));
    }
    Ok(())
}

/// `/dev/vda` and `1` of `/dev/vda1`.
fn split_partition(device: &str) -> Option<(&str, &str)> {
    let digits = device.len() - device.trim_end_matches(|sign: char| sign.is_ascii_digit()).len();
    let (disk, number) = device.split_at(device.len() - digits);
    (disk.starts_with("/dev/") && !number.is_empty()).then_some((disk, number))
}

/// Installs the image's runtime packages.
pub(super) async fn install(
    machine: &Machine,
    image: &Image,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let lists = image.lists()?;
    let running = events.phase(Part::Golden, "provision", format!("{} packages", lists.runtime.len()));
    let (mut tail, mut pace) = (Tail::default(), Pace::default());
    let provision = Provision {
        manager: lists.manager,
        packages: lists.runtime,
        sources: None,
        snapshot: None,
        epoch: Some(EPOCH.parse().map_err(std::io::Error::other)?),
    };
    let installing = machine.session().provision(provision, cancel, |_, bytes| {
        tail.push(bytes);
        if pace.is_time() {
            running.advance(0, None, Unit::Lines, tail.last_line());
        }
    });
    let installed = machine.ask(installing).await?;
    running.finish(format!("{} packages installed", installed.len()));
    Ok(())
}

/// Runs a program of the guest: whether it succeeded, and what it said.
pub(super) async fn run(
    machine: &Machine,
    argv: &[&str],
    cancel: &CancellationToken,
) -> Result<(bool, String), ImageError> {
    let mut said = Vec::new();
    let exec = exec(argv, GROW);
    let ended = machine.ask(machine.session().exec(exec, cancel, |_, bytes| said.extend_from_slice(bytes))).await;
    let ended = match ended {
        // A program that is not there.
        Err(crate::machine::MachineError::Session(crate::guest::SessionError::Refused(failure)))
            if failure.kind == vmbuild_protocol::FailureKind::NotStarted =>
        {
            return Ok((false, failure.message));
        }
        ended => ended?,
    };
    Ok((ended == Exited::Code(0), String::from_utf8_lossy(&said).into_owned()))
}

/// A program of the guest, without arguments of a shell.
pub(super) fn exec(argv: &[&str], limit: Duration) -> Exec {
    let argv = argv.iter().map(ToString::to_string).collect();
    Exec {
        command: CommandLine { argv, cwd: "/".to_owned(), env: Vec::new() },
        timeout_ms: u64::try_from(limit.as_millis()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::split_partition;

    #[test]
    fn a_partition_has_a_disk_and_a_number() {
        assert_eq!(split_partition("/dev/vda1"), Some(("/dev/vda", "1")));
        assert_eq!(split_partition("/dev/vda16"), Some(("/dev/vda", "16")));
        for other in ["/dev/vda", "overlay", "", "/dev/mapper/root"] {
            assert_eq!(split_partition(other), None, "{other}");
        }
    }
}
