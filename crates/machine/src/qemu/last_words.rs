//! The end of a log file, for an error message.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use vmbuild_supervise::Tail;

/// How much of a log's end is read, in bytes.
const ENOUGH: u64 = 16 << 10;

/// The last lines of the file, as one text; empty if there is no such file or it cannot be read: this is only ever
/// said beside a more important reason.
pub(crate) fn of(log: &Path) -> String {
    read_end(log).map(|tail| tail.text().trim().to_owned()).unwrap_or_default()
}

fn read_end(log: &Path) -> io::Result<Tail> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
    let mut bytes = Vec::new();
    file.take(ENOUGH).read_to_end(&mut bytes)?;
    let mut tail = Tail::default();
    tail.push(&bytes);
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn only_the_end_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        assert_eq!(of(&log), "", "a file that is not there says nothing");
        fs_err::write(&log, "one\r\n\ntwo\n").unwrap();
        assert_eq!(of(&log), "one\n\ntwo");
        fs_err::write(&log, "a line\n".repeat(10_000) + "the last").unwrap();
        assert_eq!(of(&log).lines().count(), 21);
        assert!(of(&log).ends_with("a line\nthe last"));
    }
}
