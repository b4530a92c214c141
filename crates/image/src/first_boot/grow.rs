//! Room on a publisher's disk for packages.

use super::guest::run;
use crate::ImageError;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};
use vmbuild_machine::Machine;

/// Grows the root partition and its file system to the disk's size, where the image brings the program for that:
/// every cloud image does. cloud-init did it already where it ran. Otherwise the image keeps its size, and apt
/// reports if that is too little.
pub(super) async fn grow(machine: &Machine, events: &Events, cancel: &CancellationToken) -> Result<(), ImageError> {
    let (found, root) = run(machine, &["findmnt", "-n", "-o", "SOURCE", "/"], cancel).await?;
    let Some((disk, number)) = found.then_some(root.trim()).and_then(split_partition) else { return Ok(()) };
    // It also fails if there is nothing to grow.
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
