//! Programs of the host that work on a golden machine's files as root: really, or in a namespace of their own.
//! A tree made by an ordinary user belongs to subordinate ids, so even deleting it needs this.

use super::ImageError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_machine::Network;
use vmbuild_machine::sandbox::{NamespaceCommand, NamespaceRoot};
use vmbuild_supervise::{Deadline, Tail};

/// Where a host keeps its programs; an ordinary user's own `PATH` often leaves out the `sbin` folders.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A run of one of the host's programs as root over the host's own files.
#[derive(Debug)]
pub(super) struct HostTool {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    cwd: PathBuf,
    limit: Duration,
}

impl HostTool {
    /// `program`, from Debian's package `package`, in the folder `cwd`.
    pub(super) fn new(program: &'static str, package: &'static str, cwd: &Path) -> Result<Self, ImageError> {
        let found = find(program, package)?;
        let env = vec![("PATH".to_owned(), FOLDERS.join(":")), ("LC_ALL".to_owned(), "C.UTF-8".to_owned())];
        let limit = Duration::from_mins(10);
        Ok(Self { argv: vec![text(&found)?], env, cwd: cwd.to_owned(), limit })
    }

    /// A program of our own choice, by its absolute path.
    pub(super) fn at(program: &Path, cwd: &Path) -> Result<Self, ImageError> {
        let shell = Self::new("sh", "dash", cwd)?;
        Ok(Self { argv: vec![text(program)?], ..shell })
    }

    /// Adds arguments.
    pub(super) fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub(super) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Gives it this long; ten minutes otherwise.
    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it, demanding success. `on_output` sees both streams.
    pub(super) async fn run(
        self,
        cancel: &CancellationToken,
        on_output: impl FnMut(&[u8]),
    ) -> Result<Tail, ImageError> {
        let enter = NamespaceCommand {
            root: NamespaceRoot::Host,
            network: Network::None,
            binds: Vec::new(),
            hostname: "vmbuild".to_owned(),
            argv: self.argv,
            env: self.env,
            cwd: text(&self.cwd)?,
        };
        Ok(enter.run(Deadline::after(self.limit), cancel, on_output).await?)
    }
}

/// One of the host's programs, from Debian's package `package`.
pub(super) fn find(program: &'static str, package: &'static str) -> Result<PathBuf, ImageError> {
    let mut places = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    places.find(|path| path.is_file()).ok_or(ImageError::NoTool { program, package })
}

/// Deletes files and trees below `folder`, named relative to it.
pub(super) async fn remove(folder: &Path, names: &[&str], cancel: &CancellationToken) -> Result<(), ImageError> {
    let tool = HostTool::new("rm", "coreutils", folder)?.args(["-rf", "--one-file-system", "--"]);
    tool.args(names.iter().copied()).run(cancel, |_| ()).await?;
    Ok(())
}

/// Waits until everything below `folder` is on the disk.
pub(super) async fn sync(folder: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    HostTool::new("sync", "coreutils", folder)?.args(["--file-system", "."]).run(cancel, |_| ()).await?;
    Ok(())
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> Result<String, ImageError> {
    path.to_str().map(str::to_owned).ok_or_else(|| ImageError::NotText { path: path.to_owned() })
}
