//! A program to start, and its relation to the process that starts it.

use crate::{Child, ChildEnd, Deadline, RunError, Tail};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use tokio_util::sync::CancellationToken;

/// When a child ends at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildLifetime {
    /// With its parent: the kernel kills it if the parent dies without a chance to clean up. Start it from the
    /// program's main thread: the kernel watches the *thread* that started it.
    BoundToParent,
    /// In a session of its own, outliving the parent: a named machine.
    Detached,
}

/// Kinds of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StdinKind {
    Ordinary,
    /// The terminal that Ctrl-C and hang-ups come from.
    ControllingTerminal,
}

/// A program to start.
#[derive(Debug)]
pub struct Command {
    inner: tokio::process::Command,
    lifetime: ChildLifetime,
    stdin: StdinKind,
    kept: Vec<OwnedFd>,
}

impl Command {
    /// Runs `program`, with no input and captured output, bound to this process's life.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let mut inner = tokio::process::Command::new(program);
        inner.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { inner, lifetime: ChildLifetime::BoundToParent, stdin: StdinKind::Ordinary, kept: Vec::new() }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.inner.args(args);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Starts from an empty environment.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.inner.env_clear();
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// Replaces the empty standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.inner.stdin(stdin);
        self
    }

    /// Replaces all three streams by a terminal, and makes it the controlling terminal of a session of the
    /// program's own: Ctrl-C reaches whatever runs in its foreground.
    pub fn terminal(mut self, terminal: &OwnedFd) -> std::io::Result<Self> {
        self.inner.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal.try_clone()?);
        self.stdin = StdinKind::ControllingTerminal;
        Ok(self)
    }

    /// Replaces the captured standard output.
    #[must_use]
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.inner.stdout(stdout);
        self
    }

    /// Replaces the captured standard error.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.inner.stderr(stderr);
        self
    }

    /// Sets when it ends at the latest.
    #[must_use]
    pub fn lifetime(mut self, lifetime: ChildLifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Leaves `fd` open in the child under the same number: a lock that is to be held as long as the child lives.
    #[must_use]
    pub fn keep_fd(mut self, fd: OwnedFd) -> Self {
        self.kept.push(fd);
        self
    }

    /// The command line, quoted for a shell.
    pub fn line(&self) -> String {
        let std = self.inner.as_std();
        let arguments: Vec<String> = std::iter::once(std.get_program()).chain(std.get_args()).map(quote).collect();
        arguments.join(" ")
    }

    /// Starts it.
    pub fn spawn(mut self) -> Result<Child, RunError> {
        let line = self.line();
        let (lifetime, stdin) = (self.lifetime, self.stdin);
        let parent = rustix::process::getpid();
        let kept: Vec<OwnedFd> = std::mem::take(&mut self.kept);
        let numbers: Vec<i32> = kept.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
        #[expect(unsafe_code, reason = "code between fork and exec: only async-signal-safe calls, no allocation")]
        // SAFETY: `prepare` makes plain system calls on numbers captured beforehand; it allocates nothing.
        unsafe {
            self.inner.pre_exec(move || prepare(lifetime, stdin, parent, &numbers));
        }
        let program = self.inner.as_std().get_program().to_string_lossy().into_owned();
        let child = self.inner.spawn().map_err(|source| RunError::NotStarted { program, source })?;
        Ok(Child::new(child, line, lifetime))
    }

    /// Runs it to its end, demanding success. `on_output` gets every piece of output of either stream.
    pub async fn run(
        self,
        deadline: Deadline,
        cancel: &CancellationToken,
        mut on_output: impl FnMut(&[u8]),
    ) -> Result<Tail, RunError> {
        let mut child = self.spawn()?;
        let (ended, tail) = child.finish(deadline, cancel, &mut on_output).await?;
        match ended {
            ChildEnd::Code(0) => Ok(tail),
            ended => Err(RunError::Failed { command: child.line().to_owned(), ended, tail }),
        }
    }

    /// Runs it to its end, demanding success, and returns its standard output.
    pub async fn output(self, deadline: Deadline, cancel: &CancellationToken) -> Result<Vec<u8>, RunError> {
        let mut child = self.spawn()?;
        let (ended, stdout, tail) = child.collect(deadline, cancel).await?;
        match ended {
            ChildEnd::Code(0) => Ok(stdout),
            ended => Err(RunError::Failed { command: child.line().to_owned(), ended, tail }),
        }
    }
}

/// Runs in the child between fork and exec.
fn prepare(
    lifetime: ChildLifetime,
    stdin: StdinKind,
    parent: rustix::process::Pid,
    kept: &[i32],
) -> std::io::Result<()> {
    for number in Signal::iterator() {
        if !matches!(number, Signal::SIGKILL | Signal::SIGSTOP) {
            #[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
            // SAFETY: the default disposition runs no code of this program.
            unsafe { signal(number, SigHandler::SigDfl) }?;
        }
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    for &fd in kept {
        #[expect(unsafe_code, reason = "the descriptor is known only by number after the fork")]
        // SAFETY: the parent holds these descriptors open until spawn returns, so they are open in the child.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
    }
    if lifetime == ChildLifetime::Detached || stdin == StdinKind::ControllingTerminal {
        // A session's leader leads a group of the same number, so it can be ended like any other.
        rustix::process::setsid()?;
    } else {
        rustix::process::setpgid(None, None)?;
    }
    if stdin == StdinKind::ControllingTerminal {
        rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
    }
    if lifetime == ChildLifetime::BoundToParent {
        die_with(parent)?;
    }
    Ok(())
}

/// Asks the kernel to kill this process when its parent's thread ends, unless the parent is gone already.
#[cfg(target_os = "linux")]
fn die_with(parent: rustix::process::Pid) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid() == Some(parent) {
        return Ok(());
    }
    Err(std::io::ErrorKind::BrokenPipe.into())
}

/// Other kernels cannot: there a child outlives a killed parent, and the next command finds it.
#[cfg(not(target_os = "linux"))]
fn die_with(_: rustix::process::Pid) -> std::io::Result<()> {
    Ok(())
}

/// Quotes an argument for people to paste into a shell. Bytes that are not UTF-8 are replaced.
fn quote(argument: &OsStr) -> String {
    let argument = argument.to_string_lossy();
    match shlex::try_quote(&argument) {
        Ok(quoted) => quoted.into_owned(),
        // No shell can express a NUL, and no program can be started with one.
        Err(_) => argument.escape_debug().to_string(),
    }
}
