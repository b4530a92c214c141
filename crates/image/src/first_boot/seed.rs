//! The second disk: what cloud-init calls a `NoCloud` seed, with the agent next to the usual files.
//!
//! It is written without a program of the host, so that it works on every host, and with fixed times and a fixed order,
//! so that equal contents give equal bytes.

use fatfs::{Date, DateTime, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider, format_volume};
use std::io::{self, Cursor, Write};

/// The label that cloud-init looks for. Source: cloud-init's documentation, "`NoCloud`".
const LABEL: [u8; 11] = *b"CIDATA     ";

/// The volume's number: any, as long as it is always the same.
const VOLUME: u32 = 0x766d_6264;

/// Room for tables and folders, in bytes.
const OVERHEAD: usize = 1 << 20;

/// The smallest disk, in bytes: below, FAT's variants differ in ways that no reader tests.
const SMALLEST: usize = 8 << 20;

/// 2023-11-14 22:13:20: the fixed time of all generated files.
#[derive(Debug)]
struct FixedTime;

impl TimeProvider for FixedTime {
    fn get_current_date(&self) -> Date {
        Date { year: 2023, month: 11, day: 14 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 22, min: 13, sec: 20, millis: 0 } }
    }
}

static FIXED_TIME: FixedTime = FixedTime;

/// A disk with these files (name and contents) in its root folder, in this order.
pub(super) fn disk(files: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let contents: usize = files.iter().map(|(_, contents)| contents.len()).sum();
    let bytes = (contents + contents / 64 + OVERHEAD).max(SMALLEST).next_multiple_of(1 << 20);
    let mut disk = Cursor::new(vec![0; bytes]);
    format_volume(&mut disk, FormatVolumeOptions::new().volume_label(LABEL).volume_id(VOLUME))?;
    {
        let system = FileSystem::new(&mut disk, FsOptions::new().time_provider(&FIXED_TIME))?;
        for (name, contents) in files {
            let mut file = system.root_dir().create_file(name)?;
            file.write_all(contents)?;
            file.flush()?;
        }
        system.unmount()?;
    }
    Ok(disk.into_inner())
}

#[cfg(test)]
mod tests {
    use super::disk;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;
    use vmbuild_supervise::{Command, Deadline, RunError};

    static AGENT: [u8; 3_000_001] = [7; 3_000_001];

    fn example() -> Vec<u8> {
        disk(&[("meta-data", b"instance-id: x\n"), ("user-data", b"#cloud-config\n"), ("vmbuild-agent", &AGENT)])
            .expect("a disk")
    }

    #[test]
    fn equal_contents_give_equal_bytes() {
        assert!(example() == example(), "two runs differ");
        assert!(example() != disk(&[]).expect("an empty disk"));
    }

    #[test]
    fn a_large_agent_finds_room() {
        let large = vec![1; 40 << 20];
        assert!(disk(&[("vmbuild-agent", &large)]).expect("a disk").len() > large.len());
    }

    async fn mtools(folder: &std::path::Path, argv: &[&str]) -> Result<Vec<u8>, RunError> {
        let command = Command::new(argv[0]).args(["-i", "seed.img"]).args(&argv[1..]).current_dir(folder);
        command.output(Deadline::after(Duration::from_secs(30)), &CancellationToken::new()).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn mtools_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        fs_err::write(folder.path().join("seed.img"), example()).expect("written");
        let listed = match mtools(folder.path(), &["mdir", "-/", "::"]).await {
            Err(RunError::NotStarted { .. }) => {
                println!("skipped: mtools is not installed");
                return;
            }
            listed => listed.expect("mdir reads it"),
        };
        insta::assert_snapshot!(String::from_utf8_lossy(&listed).trim());
        let agent = mtools(folder.path(), &["mtype", "::vmbuild-agent"]).await.expect("mtype reads it");
        assert!(agent == AGENT, "{} bytes came back", agent.len());
    }
}
