//! The artifact's size is within the bounds of its kind.

use crate::handlers::validate::report::{CheckError, CheckResult, size};
use crate::handlers::validate::subject::CheckSubject;

pub(in super::super) fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let (min, max) = (subject.order.min_bytes, subject.order.max_bytes);
    let bytes = subject.archive_bytes().map_err(CheckError::NothingToCheck)?;
    let found = format!("{}, {} to {} expected", size(bytes), size(min), size(max));
    if (min..=max).contains(&bytes) { Ok(found) } else { Err(found.into()) }
}
