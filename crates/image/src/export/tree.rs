//! The golden machine's tree as one, for the programs that read it.
//!
//! The build role is two layers, and an export may put files on top. They are joined by an overlay, which also
//! resolves the whiteouts; the programs run as root of a namespace, so every file has the owner a guest would see.

use super::ExportError;
use crate::host_tool::{self, HostProgram, HostTool, path_text};
use crate::{Golden, ImageError};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The mount point of the layers, in the work folder.
pub(super) const MOUNT: &str = "tree";

/// The export's own files on top, in the work folder.
const TOP: &str = "top";

/// Mounts the layers, then becomes the program. The mount ends with the namespace.
const OVER: &str = r#"set -e
mount -t overlay overlay -o "$1" tree
shift
exec "$@"
"#;

/// A run over 500 MB takes about ten seconds.
const LIMIT: Duration = Duration::from_mins(20);

/// A golden machine's tree, in a work folder.
#[derive(Debug)]
pub(super) struct ExportTree {
    work: PathBuf,
    layers: usize,
}

impl ExportTree {
    /// Prepares the work folder. Links stand for the layers there: their names hold neither a comma nor a colon,
    /// which would mean something to the kernel.
    pub(super) fn new(work: &Path, golden: &Golden) -> Result<Self, ExportError> {
        let mut tree = Self { work: work.to_owned(), layers: 0 };
        for folder in [MOUNT, TOP] {
            fs_err::create_dir(work.join(folder))?;
            fs_err::set_permissions(work.join(folder), std::fs::Permissions::from_mode(0o755))?;
        }
        for layer in golden.tree().layers.iter().rev() {
            tree.add_layer(layer)?;
        }
        Ok(tree)
    }

    /// Puts one more layer over the golden machine's.
    pub(super) fn add_layer(&mut self, layer: &Path) -> std::io::Result<()> {
        symlink(layer, self.work.join(format!("layer{}", self.layers)))?;
        self.layers += 1;
        Ok(())
    }

    /// The work folder.
    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    /// The folder whose contents come on top of the golden machine's.
    pub(super) fn top(&self) -> PathBuf {
        self.work.join(TOP)
    }

    /// The overlay's options. The sandbox's layer has its marks in the `user.` namespace.
    fn options(&self) -> String {
        let layers: Vec<String> = (0..self.layers).rev().map(|number| format!("layer{number}")).collect();
        format!("ro,userxattr,lowerdir={TOP}:{}", layers.join(":"))
    }

    /// Runs a program of the host in the work folder, with the tree mounted.
    pub(super) async fn run(
        &self,
        program: HostProgram,
        arguments: Vec<String>,
        cancel: &CancellationToken,
    ) -> Result<(), ImageError> {
        let epoch = crate::golden::EPOCH;
        let found = host_tool::find_program(program.name, program.package)?;
        HostTool::new("sh", "dash", &self.work)?
            .args(["-c", OVER, "over", &self.options(), &path_text(&found)?])
            .args(arguments)
            .env("SOURCE_DATE_EPOCH", epoch)
            // The name that mke2fs and debugfs read up to 1.47.0.
            .env("E2FSPROGS_FAKE_TIME", epoch)
            .limit(LIMIT)
            .run(cancel, |_| ())
            .await?;
        Ok(())
    }

    /// Writes the tree as a tar archive `to`, in the work folder: sorted, numeric owners, no access times, no file
    /// newer than the fixed time, hard links once, capabilities kept.
    pub(super) async fn tar(&self, to: &str, cancel: &CancellationToken) -> Result<(), ImageError> {
        self.run(HostProgram { name: "tar", package: "tar" }, tar_arguments(to), cancel).await
    }
}

/// Source: GNU tar's manual, "Reproducibility"; the `S` of the transformation leaves symbolic links' targets alone.
fn tar_arguments(to: &str) -> Vec<String> {
    let arguments = [
        "--create",
        &format!("--file={to}"),
        &format!("--directory={MOUNT}"),
        "--format=posix",
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
        "--sort=name",
        "--numeric-owner",
        &format!("--mtime=@{}", crate::golden::EPOCH),
        "--clamp-mtime",
        "--xattrs",
        "--xattrs-include=security.capability",
        "--xattrs-include=user.*",
        r"--transform=s,^\./,,S",
        ".",
    ];
    arguments.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::tar_arguments;
    use insta::assert_snapshot;

    #[test]
    fn asks_tar_for_this() {
        assert_snapshot!(tar_arguments("rootfs.tar").join(" "), @r"--create --file=rootfs.tar --directory=tree --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --sort=name --numeric-owner --mtime=@1700000000 --clamp-mtime --xattrs --xattrs-include=security.capability --xattrs-include=user.* --transform=s,^\./,,S .");
    }
}
