//! The artifact carries CPython's license.

use crate::handlers::validate::report::{CheckResult, size};
use crate::handlers::validate::subject::CheckSubject;
use vmbuild_cpython::layout::LICENSE;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let path = subject.tree().await?.prefix().join(LICENSE);
    match fs_err::metadata(path) {
        Ok(found) if !found.is_file() => Err(format!("{LICENSE} is not a file").into()),
        Ok(found) if found.len() == 0 => Err(format!("{LICENSE} is empty").into()),
        Ok(found) => Ok(size(found.len())),
        Err(_) => Err(format!("no {LICENSE}").into()),
    }
}
