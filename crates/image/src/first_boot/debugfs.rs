//! Reading an ext4 file system inside a disk without mounting it: mounting takes root, `debugfs` does not.

use crate::kernel::KernelError;
use crate::{ImageError, host_tool};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// One request takes milliseconds; copying a kernel a second.
const LIMIT: Duration = Duration::from_mins(2);

/// An ext4 file system at an offset of a raw disk.
#[derive(Debug)]
pub(super) struct Ext4Image<'a> {
    program: PathBuf,
    /// The folder of the disk, where copied files go too.
    folder: &'a Path,
    /// The disk's name in it, with the offset as debugfs takes it.
    device: String,
}

impl<'a> Ext4Image<'a> {
    /// The file system that begins at `start` bytes of `disk` in `folder`. Nothing is read yet.
    pub(super) fn at(folder: &'a Path, disk: &str, start: u64) -> Result<Self, ImageError> {
        let program = host_tool::find_program("debugfs", "e2fsprogs")?;
        Ok(Self { program, folder, device: format!("{disk}?offset={start}") })
    }

    /// The names in a folder; `None` if there is no such folder, or no ext4 here at all.
    pub(super) async fn names(
        &self,
        folder: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<String>>, ImageError> {
        let listed = self.request(&format!("ls -p {folder}"), cancel).await?;
        let names: Vec<String> = listed.lines().filter_map(name).collect();
        Ok((!names.is_empty()).then_some(names))
    }

    /// Copies a file into the disk's folder, as `name`.
    pub(super) async fn copy(&self, file: &str, name: &str, cancel: &CancellationToken) -> Result<PathBuf, ImageError> {
        self.request(&format!("dump {file} {name}"), cancel).await?;
        let copied = self.folder.join(name);
        match fs_err::metadata(&copied)?.len() {
            0 => Err(KernelError::Layout { path: copied, problem: "could not be copied out of the disk" }.into()),
            _ => Ok(copied),
        }
    }

    /// debugfs always exits with 0; its errors go to standard error.
    async fn request(&self, request: &str, cancel: &CancellationToken) -> Result<String, ImageError> {
        let command = Command::new(&self.program).args(["-R", request, &self.device]).current_dir(self.folder);
        let said = command.output(Deadline::after(LIMIT), cancel).await?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// The name in a line of `ls -p`: `/inode/mode/uid/gid/name/size/`. Names that a request could not contain are left
/// out: those with a blank or a quote.
fn name(line: &str) -> Option<String> {
    let mut fields = line.strip_prefix('/')?.split('/').skip(4);
    let name = fields.next().filter(|name| !matches!(*name, "" | "." | ".."))?;
    let safe = |sign: char| sign.is_ascii_alphanumeric() || "-_.+~".contains(sign);
    name.chars().all(safe).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn reads_a_listing() {
        let check = |line: &str, expect: Option<&str>| assert_eq!(name(line).as_deref(), expect, "{line}");
        check("/12/100644/0/0/vmlinuz-6.1.0-44-cloud-amd64/8062208/", Some("vmlinuz-6.1.0-44-cloud-amd64"));
        check("/2/040755/0/0/.//", None);
        check("/2/040755/0/0/..//", None);
        check("/14/100600/0/0/two words/1/", None);
        check("/14/100600/0/0/a\"b/1/", None);
        check("ls: File not found by ext2_lookup", None);
        check("", None);
    }
}
