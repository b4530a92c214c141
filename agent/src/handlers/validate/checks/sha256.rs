//! The artifact's digest is the one in its checksum file.

use super::checksum_file::read_checksum;
use crate::blocking::run_blocking;
use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let promised = read_checksum(subject)?.sha256;
    let archive = subject.archive.clone();
    let hashed = run_blocking(move || vmbuild_archive::sha256_file(&archive)).await;
    let (_, digest) = hashed.map_err(|error| error.to_string())?;
    let actual = hex::encode(digest);
    if actual != promised {
        return Err(format!("is {actual}, the checksum file says {promised}").into());
    }
    Ok(actual)
}
