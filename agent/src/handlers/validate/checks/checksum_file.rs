//! The checksum file has one line, which names the artifact.

use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;
use vmbuild_archive::parse_checksum_line;

pub(in super::super) fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let promised = read_checksum(subject)?;
    if promised.file != subject.name.to_string() {
        return Err(format!("names {}, not {}", promised.file, subject.name).into());
    }
    Ok("one line, names the artifact".to_owned())
}

/// The line of a checksum file.
pub(super) struct PromisedChecksum {
    /// SHA-256 in hex.
    pub(super) sha256: String,
    file: String,
}

/// Reads the artifact's checksum file.
pub(super) fn read_checksum(subject: &CheckSubject<'_>) -> Result<PromisedChecksum, String> {
    let text = fs_err::read_to_string(subject.checksum_file()).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = text.lines().collect();
    let [line] = lines.as_slice() else { return Err(format!("{} lines, one expected", lines.len())) };
    let (sha256, file) = parse_checksum_line(line).ok_or("no checksum and name on the line")?;
    Ok(PromisedChecksum { sha256, file })
}
