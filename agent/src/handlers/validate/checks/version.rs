//! The interpreter starts and reports the version in the file name.

use crate::handlers::validate::python::python;
use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let (binary, promised) = (&subject.order.interpreter.binary, &subject.order.interpreter.version);
    let printed = python(subject, &["--version"]).await?.map_err(|error| format!("bin/{binary} --version: {error}"))?;
    if printed != format!("Python {promised}") {
        let version = printed.strip_prefix("Python ").unwrap_or(&printed);
        return Err(format!("bin/{binary} says {version}, file name says {promised}").into());
    }
    Ok(printed)
}
