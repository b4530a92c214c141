//! The artifact is a regular file.

use crate::handlers::validate::report::{CheckResult, size};
use crate::handlers::validate::subject::CheckSubject;

pub(in super::super) fn check(subject: &CheckSubject<'_>) -> CheckResult {
    Ok(size(subject.archive_bytes()?))
}
