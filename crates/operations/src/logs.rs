//! `logs`: a machine's console, and QEMU's own messages.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmbuild_core::context::Context;
use vmbuild_core::failure::{Failure, OutputError};
use vmbuild_core::store::StoreError;
use vmbuild_machine::{MachineError, MachineFolder, MachineName, MachineState};

/// How often a followed log is read. Watching the file would need another crate to save a tenth of a second.
const POLL: Duration = Duration::from_millis(100);

/// Logs to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsRequest {
    /// The machine.
    pub name: MachineName,
    /// Go on until the machine stops.
    pub follow: bool,
}

/// The reason why reading logs ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogsOutcome {
    /// Everything was read: the machine has stopped, or its logs were not followed.
    Complete,
    /// The reader has gone away.
    Unread,
}

/// Hands over QEMU's log and the console's; with `follow` also what is appended to them.
pub async fn logs(
    context: &Context,
    request: LogsRequest,
    mut on_output: impl FnMut(&[u8]) -> Result<(), OutputError>,
) -> Result<LogsOutcome, Failure> {
    let folder = MachineFolder::find(&context.store.machines(), request.name).map_err(MachineError::Folder)?;
    let mut logs: Vec<LogReader> = folder.logs().into_iter().map(LogReader::new).collect();
    loop {
        // Asked before reading: what a machine writes last is read all the same.
        let goes_on = request.follow && folder.state().map_err(MachineError::Folder)? == MachineState::Running;
        for log in &mut logs {
            match on_output(&log.appended().map_err(StoreError::Io)?) {
                Err(refused) if refused.is_closed_pipe() => return Ok(LogsOutcome::Unread),
                outcome => outcome?,
            }
        }
        if !goes_on {
            return Ok(LogsOutcome::Complete);
        }
        context.unless_interrupted(tokio::time::sleep(POLL)).await?;
    }
}

/// A log, and how much of it has been read.
struct LogReader {
    path: PathBuf,
    offset: u64,
}

impl LogReader {
    fn new(path: PathBuf) -> Self {
        Self { path, offset: 0 }
    }

    /// The bytes appended since the last call; all of them if the file was truncated in between.
    fn appended(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let Some(mut file) = open(&self.path)? else { return Ok(bytes) };
        if file.metadata()?.len() < self.offset {
            self.offset = 0;
        }
        file.seek(SeekFrom::Start(self.offset))?;
        self.offset += file.read_to_end(&mut bytes)? as u64;
        Ok(bytes)
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
    use super::LogReader;

    #[test]
    fn a_log_is_read_once_and_again_when_it_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut log = LogReader::new(path.clone());
        let mut check = |written: Option<&str>, expect: &str| {
            if let Some(text) = written {
                fs_err::write(&path, text).expect("a log");
            }
            assert_eq!(log.appended().expect("it is read"), expect.as_bytes());
        };
        check(None, "");
        check(Some("one\n"), "one\n");
        check(None, "");
        check(Some("one\ntwo\n"), "two\n");
        check(Some("new\n"), "new\n");
    }
}
