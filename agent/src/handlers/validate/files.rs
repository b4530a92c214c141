//! Checks 1 to 4: the artifact as a file, and the checksum beside it.

use super::outcome::{CheckOutcome, size};
use super::subject::Subject;

/// 1: there is such a file.
pub(super) fn exists(subject: &Subject<'_>) -> CheckOutcome {
    bytes(subject).map(size).into()
}

/// 2: there is a checksum file; it has one line, which names the artifact.
pub(super) fn checksum_file(subject: &Subject<'_>) -> CheckOutcome {
    named(subject).into()
}

/// 3: the checksum is the artifact's.
pub(super) async fn sha256(subject: &Subject<'_>) -> CheckOutcome {
    agrees(subject).await.into()
}

/// 4: the size is plausible.
pub(super) fn size_in_bounds(subject: &Subject<'_>) -> CheckOutcome {
    let (min, max) = (subject.ask.min_bytes, subject.ask.max_bytes);
    let bounds = format!("{} to {} expected", size(min), size(max));
    match bytes(subject) {
        Err(why) => CheckOutcome::Fail(why),
        Ok(bytes) if (min..=max).contains(&bytes) => CheckOutcome::Pass(format!("{}, {bounds}", size(bytes))),
        Ok(bytes) => CheckOutcome::Amiss(format!("{}, {bounds}", size(bytes))),
    }
}

fn bytes(subject: &Subject<'_>) -> Result<u64, String> {
    let found = fs_err::symlink_metadata(&subject.archive).map_err(|error| error.to_string())?;
    if found.is_file() { Ok(found.len()) } else { Err(format!("{} is not a file", subject.ask.artifact)) }
}

fn named(subject: &Subject<'_>) -> Result<String, String> {
    let (_, name) = promised(subject)?;
    if name == subject.ask.artifact {
        return Ok("one line, names the artifact".to_owned());
    }
    Err(format!("names {name}, not {}", subject.ask.artifact))
}

async fn agrees(subject: &Subject<'_>) -> Result<String, String> {
    let (promised, _) = promised(subject)?;
    let archive = subject.archive.clone();
    let hashed = tokio::task::spawn_blocking(move || vmbuild_archive::sha256_file(&archive)).await;
    let (_, digest) = hashed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let actual = hex::encode(digest);
    if actual == promised { Ok(actual) } else { Err(format!("is {actual}, the checksum file says {promised}")) }
}

/// The digest (hex) and name in the checksum file.
fn promised(subject: &Subject<'_>) -> Result<(String, String), String> {
    let path = subject.folder.join(format!("{}.sha256", subject.ask.artifact));
    let text = fs_err::read_to_string(path).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = text.lines().collect();
    match lines.as_slice() {
        [line] => {
            vmbuild_archive::parse_checksum_line(line).ok_or_else(|| "no checksum and name on the line".to_owned())
        }
        lines => Err(format!("{} lines, one expected", lines.len())),
    }
}
