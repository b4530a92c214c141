//! Archives as the kernel unpacks them into its first root file system.
//!
//! Our own writer, because it must name a device node without being root, and because equal contents must give
//! equal bytes: no times, no real inode numbers. Source: Linux, `Documentation/driver-api/early-userspace/
//! buffer-format.rst` (`newc`).

use std::io::{self, Write};

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const CHARACTER: u32 = 0o020_000;

/// Entries and the name that ends an archive are padded to this.
const ALIGN: usize = 4;

/// Writes an archive to `W`.
#[derive(Debug)]
pub(crate) struct CpioArchive<W> {
    to: W,
    inode: u32,
}

impl<W: Write> CpioArchive<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, inode: 0 }
    }

    /// A folder, mode 0755. Parents come first.
    pub(crate) fn folder(&mut self, name: &str) -> io::Result<()> {
        self.entry(name, DIRECTORY | 0o755, (0, 0), &[])
    }

    /// A file with permission bits `mode`.
    pub(crate) fn file(&mut self, name: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        self.entry(name, REGULAR | mode, (0, 0), contents)
    }

    /// A character device, mode 0600.
    pub(crate) fn device(&mut self, name: &str, major: u32, minor: u32) -> io::Result<()> {
        self.entry(name, CHARACTER | 0o600, (major, minor), &[])
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.inode = 0;
        self.write("TRAILER!!!", 0, (0, 0), &[])?;
        Ok(self.to)
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), contents: &[u8]) -> io::Result<()> {
        self.inode += 1;
        self.write(name, mode, device, contents)
    }

    fn write(&mut self, name: &str, mode: u32, device: (u32, u32), contents: &[u8]) -> io::Result<()> {
        let size = u32::try_from(contents.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let name_size = u32::try_from(name.len() + 1).map_err(|_| io::ErrorKind::InvalidFilename)?;
        // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        let fields = [self.inode, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0];
        let mut header = String::from("070701");
        for field in fields {
            use std::fmt::Write as _;
            // Writing to a String does not fail.
            let _ = write!(header, "{field:08x}");
        }
        header.push_str(name);
        header.push('\0');
        self.padded(header.as_bytes())?;
        self.padded(contents)
    }

    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.to.write_all(&[0; ALIGN][..bytes.len().next_multiple_of(ALIGN) - bytes.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::CpioArchive;
    use insta::assert_snapshot;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;
    use vmbuild_supervise::{Command, Deadline, RunError};

    fn sample() -> Vec<u8> {
        let mut cpio = CpioArchive::new(Vec::new());
        cpio.folder("dev").expect("written");
        cpio.device("dev/console", 5, 1).expect("written");
        cpio.file("init", 0o755, b"#!/bin/sh\n").expect("written");
        cpio.file("empty", 0o644, b"").expect("written");
        cpio.finish().expect("written")
    }

    #[test]
    fn bytes_are_those_of_the_format() {
        let text = String::from_utf8(sample()).expect("all of it is ASCII").replace('\0', ".");
        assert_snapshot!(text.replace("0707", "\n0707").trim_start());
    }

    /// Listing by cpio(1): names alone with `-t`, modes and devices with `-tv`.
    async fn listed(how: &str) -> Result<String, RunError> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs_err::write(file.path(), sample()).expect("written");
        let stdin = fs_err::File::open(file.path()).expect("opened").into_file();
        let command = Command::new("cpio").arg(how).arg("--numeric-uid-gid").env("TZ", "UTC").stdin(stdin);
        let output = command.output(Deadline::after(Duration::from_secs(30)), &CancellationToken::new()).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    #[tokio::test]
    async fn cpio_reads_it() {
        match listed("-tv").await {
            Ok(text) => assert_snapshot!(text),
            Err(RunError::NotStarted { .. }) => println!("skipped: cpio is not installed"),
            Err(error) => panic!("{error}"),
        }
    }
}
