//! `vmbuild logs`: a machine's console, and what QEMU said.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::LogsArgs;
use crate::report;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::StoreError;
use vmbuild_machine::{MachineError, MachineFolder, MachineState};
use vmbuild_protocol::OutputStream;

/// How often a followed log is looked at. Watching it would need another crate for a tenth of a second.
const LOOK: Duration = Duration::from_millis(100);

/// Prints QEMU's log and the console's; with `--follow` also what is added to them.
pub(crate) async fn logs(context: &CommandContext, args: LogsArgs) -> Result<CommandExit, Failure> {
    let folder = MachineFolder::find(&context.store.machines(), args.target.name()).map_err(MachineError::Folder)?;
    let mut logs: Vec<Log> = folder.logs().into_iter().map(Log::new).collect();
    loop {
        // Asked before reading: what a machine writes last is printed all the same.
        let goes_on = args.follow && folder.state().map_err(MachineError::Folder)? == MachineState::Running;
        for log in &mut logs {
            match report::program_output(OutputStream::Stdout, &log.news().map_err(StoreError::Io)?) {
                // Whoever followed it has seen enough.
                Err(refused) if refused.is_closed_pipe() => return Ok(Exit::Success.into()),
                outcome => outcome?,
            }
        }
        if !goes_on {
            return Ok(Exit::Success.into());
        }
        context.unless_interrupted(tokio::time::sleep(LOOK)).await?;
    }
}

/// A log and how much of it has been printed.
struct Log {
    path: PathBuf,
    printed: u64,
}

impl Log {
    fn new(path: PathBuf) -> Self {
        Self { path, printed: 0 }
    }

    /// What was added since the last time; all of it, if it was begun anew.
    fn news(&mut self) -> io::Result<Vec<u8>> {
        let mut news = Vec::new();
        let Some(mut file) = open(&self.path)? else { return Ok(news) };
        if file.metadata()?.len() < self.printed {
            self.printed = 0;
        }
        file.seek(SeekFrom::Start(self.printed))?;
        self.printed += file.read_to_end(&mut news)? as u64;
        Ok(news)
    }
}

fn open(path: &Path) -> io::Result<Option<fs_err::File>> {
    match fs_err::File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::Log;

    #[test]
    fn a_log_is_printed_once_and_again_when_it_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut log = Log::new(path.clone());
        let mut check = |written: Option<&str>, expect: &str| {
            if let Some(text) = written {
                fs_err::write(&path, text).expect("a log");
            }
            assert_eq!(log.news().expect("it is read"), expect.as_bytes());
        };
        check(None, "");
        check(Some("one\n"), "one\n");
        check(None, "");
        check(Some("one\ntwo\n"), "two\n");
        check(Some("new\n"), "new\n");
    }
}
