//! Times inside a disk that cannot be set in a tree.
//!
//! mke2fs copies every file's times from the tree, and two of them cannot be set there: the inode's change time and the
//! access time. They are set in the disk instead, so that equal trees give equal disks, byte for byte. mke2fs 1.47.1
//! and later do it by themselves; this changes nothing for them.

use super::EPOCH;
use super::folder::UNFINISHED;
use crate::ImageError;
use crate::host_tool::HostTool;
use std::fmt::Write as _;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Inodes 3 to 10 are the file system's own. Source: ext4's on-disk format, "Special inodes".
const ROOT: u32 = 2;
const FIRST: u32 = 11;

/// Sets the fixed time in the disk `file` in `folder`.
pub(crate) async fn set_fixed_times(folder: &Path, file: &str, cancel: &CancellationToken) -> Result<(), ImageError> {
    let mut described = Vec::new();
    let dumpe2fs = HostTool::new("dumpe2fs", "e2fsprogs", folder)?.args([file]);
    dumpe2fs.run(cancel, |bytes| described.extend_from_slice(bytes)).await?;
    let commands = format!("{UNFINISHED}times");
    fs_err::write(folder.join(&commands), script(&used(&String::from_utf8_lossy(&described))))?;
    let debugfs = HostTool::new("debugfs", "e2fsprogs", folder)?.args(["-w", "-f", &commands, file]);
    debugfs.env("E2FSPROGS_FAKE_TIME", EPOCH).env("SOURCE_DATE_EPOCH", EPOCH).run(cancel, |_| ()).await?;
    Ok(fs_err::remove_file(folder.join(commands))?)
}

/// Commands for debugfs. Source: debugfs(8), `set_inode_field`.
fn script(inodes: &[u32]) -> String {
    let mut text = String::new();
    for inode in inodes.iter().filter(|&&inode| inode == ROOT || inode >= FIRST) {
        for field in ["ctime", "atime"] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "set_inode_field <{inode}> {field} @{EPOCH}");
            let _ = writeln!(text, "set_inode_field <{inode}> {field}_extra 0");
        }
    }
    text
}

/// The inodes in use: all but those that dumpe2fs lists as free, group by group.
fn used(described: &str) -> Vec<u32> {
    let number =
        |name: &str| -> Option<u32> { described.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()) };
    let count = number("Inode count:").unwrap_or_default();
    let ranges = described.lines().filter_map(|line| line.strip_prefix("  Free inodes: "));
    let free: std::collections::HashSet<u32> = ranges.flat_map(|text| text.split(", ")).flat_map(range).collect();
    (1..=count).filter(|inode| !free.contains(inode)).collect()
}

/// `5`, `5-9`, or nothing.
fn range(text: &str) -> std::ops::Range<u32> {
    let (from, to) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
    match (from.parse(), to.parse()) {
        (Ok(from), Ok::<u32, _>(to)) => from..to + 1,
        // An empty range: the group has none.
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::{script, used};

    const TEXT: &str = "Inode count:              20\nFree inodes:              7\nGroup 0: (Blocks 0-9)\n  Free inodes: \n\
        Group 1: (Blocks 10-19)\n  Free inodes: 13-17, 19-20\n";

    #[test]
    fn inodes_in_use_are_those_that_are_not_free() {
        assert_eq!(used(TEXT), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 18]);
        assert_eq!(used(""), [0u32; 0]);
    }

    #[test]
    fn the_file_systems_own_are_left_alone() {
        let text = script(&used(TEXT));
        let inodes: Vec<&str> = text.lines().filter_map(|line| line.split(['<', '>']).nth(1)).step_by(4).collect();
        assert_eq!(inodes, ["2", "11", "12", "18"]);
        assert!(text.starts_with("set_inode_field <2> ctime @1700000000\nset_inode_field <2> ctime_extra 0\n"));
    }
}
