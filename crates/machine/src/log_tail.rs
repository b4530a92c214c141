//! The end of a log file, for an error message.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use vmbuild_supervise::Tail;

/// Bytes that are read from a log's end.
const TAIL_BYTES: u64 = 16 << 10;

/// The last lines of a file; empty if the file is missing or cannot be read, because a more important error is
/// reported with them.
pub(crate) fn read(log: &Path) -> Tail {
    let mut tail = Tail::default();
    tail.push(&read_end(log).unwrap_or_default());
    tail
}

/// The last lines of a file as one text.
pub(crate) fn text(log: &Path) -> String {
    read(log).text().trim().to_owned()
}

fn read_end(log: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn only_the_end_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        assert_eq!(text(&log), "", "a missing file is empty");
        fs_err::write(&log, "one\r\n\ntwo\n").unwrap();
        assert_eq!(text(&log), "one\n\ntwo");
        fs_err::write(&log, "a line\n".repeat(10_000) + "the last").unwrap();
        assert_eq!(text(&log).lines().count(), 21);
        assert!(text(&log).ends_with("a line\nthe last"));
    }
}
