//! Programs of the host that work on a golden machine's files as root: really, or in a namespace of their own.
//! A tree made by an ordinary user belongs to subordinate ids, so even deleting it needs this.

use crate::ImageError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_machine::Network;
use vmbuild_machine::sandbox::{NamespaceCommand, NamespaceError, NamespaceRoot};
use vmbuild_supervise::{Deadline, Tail};

/// Folders of the host's programs; an ordinary user's own `PATH` often leaves out the `sbin` folders.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Why a program could not work on a golden machine's files.
#[derive(Debug, thiserror::Error)]
pub enum HostToolError {
    /// A program of the host is missing.
    #[error("`{program}` is not installed")]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// Debian's package with the program.
        package: &'static str,
    },
    /// A path that a program is given is not UTF-8.
    #[error("{} is not valid UTF-8", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// A program failed in its namespaces.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
}

impl Diagnose for HostToolError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotInstalled { .. } | Self::NotText { .. } => Exit::Environment,
            Self::Namespace(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotInstalled { package, .. } => vec![format!("on Debian and Ubuntu: `apt install {package}`")],
            Self::NotText { .. } => vec!["set VMBUILD_HOME to a folder with a plain name".to_owned()],
            Self::Namespace(error) => error.hints(),
        }
    }
}

/// A program of the host, and Debian's package with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostProgram {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// A run of one of the host's programs as root over the host's own files.
#[derive(Debug)]
pub(crate) struct HostTool {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    cwd: PathBuf,
    limit: Duration,
}

impl HostTool {
    /// `program`, from Debian's package `package`, in the folder `cwd`.
    pub(crate) fn new(program: &'static str, package: &'static str, cwd: &Path) -> Result<Self, ImageError> {
        let found = find_program(program, package)?;
        let env = vec![("PATH".to_owned(), FOLDERS.join(":")), ("LC_ALL".to_owned(), "C.UTF-8".to_owned())];
        let limit = Duration::from_mins(10);
        Ok(Self { argv: vec![path_text(&found)?], env, cwd: cwd.to_owned(), limit })
    }

    /// A program by its absolute path.
    pub(crate) fn at(program: &Path, cwd: &Path) -> Result<Self, ImageError> {
        let shell = Self::new("sh", "dash", cwd)?;
        Ok(Self { argv: vec![path_text(program)?], ..shell })
    }

    /// Adds arguments.
    pub(crate) fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the time limit; ten minutes otherwise.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it, demanding success. `on_output` sees both streams.
    pub(crate) async fn run(
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
            cwd: path_text(&self.cwd)?,
        };
        Ok(enter.run(Deadline::after(self.limit), cancel, on_output).await.map_err(HostToolError::from)?)
    }
}

/// The path of a program of the host, from Debian's package `package`.
pub(crate) fn find_program(program: &'static str, package: &'static str) -> Result<PathBuf, ImageError> {
    let mut places = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    places.find(|path| path.is_file()).ok_or(HostToolError::NotInstalled { program, package }.into())
}

/// Deletes files and trees below `folder`, named relative to it.
pub(crate) async fn remove_trees(folder: &Path, names: &[&str], cancel: &CancellationToken) -> Result<(), ImageError> {
    let tool = HostTool::new("rm", "coreutils", folder)?.args(["-rf", "--one-file-system", "--"]);
    tool.args(names.iter().copied()).run(cancel, |_| ()).await?;
    Ok(())
}

/// Syncs the file system of `folder`.
pub(crate) async fn sync_file_system(folder: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    HostTool::new("sync", "coreutils", folder)?.args(["--file-system", "."]).run(cancel, |_| ()).await?;
    Ok(())
}

/// A path as an argument.
pub(crate) fn path_text(path: &Path) -> Result<String, ImageError> {
    path.to_str().map(str::to_owned).ok_or_else(|| HostToolError::NotText { path: path.to_owned() }.into())
}
