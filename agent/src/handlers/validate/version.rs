//! Check 7: the interpreter starts, and is the one its name promises.

use super::outcome::CheckOutcome;
use super::python::python;
use super::subject::Subject;
use super::tree::UnpackedArtifact;
use vmbuild_protocol::RequestFailure;

/// 7: the version the binary says is the file name's.
pub(super) async fn version(subject: &Subject<'_>, tree: &UnpackedArtifact) -> Result<CheckOutcome, RequestFailure> {
    let (binary, promised) = (&subject.ask.interpreter.binary, &subject.ask.interpreter.version);
    Ok(match python(subject, tree, &["--version"]).await? {
        Err(why) => CheckOutcome::Fail(format!("bin/{binary} --version: {why}")),
        Ok(said) if said == format!("Python {promised}") => CheckOutcome::Pass(said),
        Ok(said) => {
            let said = said.strip_prefix("Python ").unwrap_or(&said);
            CheckOutcome::Fail(format!("bin/{binary} says {said}, file name says {promised}"))
        }
    })
}
