//! Check 8: the modules made of C code import, which loads the libraries they need.

use super::answer::{ExpectedAnswer, PROBE, judge, nonce};
use super::binaries::program;
use super::outcome::CheckOutcome;
use super::python::{ISOLATED, python};
use super::subject::Subject;
use super::tree::UnpackedArtifact;
use vmbuild_protocol::RequestFailure;

/// 8: every module imports, from the artifact and nowhere else. Each has a process of its own: one that crashes hides no
/// other, and none finds its library only because another has loaded it.
pub(super) async fn modules(subject: &Subject<'_>, tree: &UnpackedArtifact) -> Result<CheckOutcome, RequestFailure> {
    let modules = &subject.ask.modules;
    if modules.is_empty() {
        return Ok(CheckOutcome::Fail("no module to import was named".to_owned()));
    }
    if let Err(why) = program(tree, &subject.ask.interpreter.binary) {
        return Ok(CheckOutcome::Fail(why));
    }
    let mut broken = Vec::new();
    for module in modules {
        if let Err(why) = import(subject, tree, module).await? {
            broken.push(format!("{module}: {why}"));
        }
    }
    if broken.is_empty() {
        return Ok(CheckOutcome::Pass(format!("all {} import, from the artifact alone", modules.len())));
    }
    Ok(CheckOutcome::Fail(format!("{} of {} do not import: {}", broken.len(), modules.len(), broken.join("; "))))
}

/// The inner result says what is wrong, if anything.
async fn import(
    subject: &Subject<'_>,
    tree: &UnpackedArtifact,
    module: &str,
) -> Result<Result<(), String>, RequestFailure> {
    let nonce = nonce()?;
    let said = python(subject, tree, &[ISOLATED[0], ISOLATED[1], "-c", PROBE, module, &nonce]).await?;
    let version = &subject.ask.interpreter.version;
    Ok(said.and_then(|said| judge(&said, &ExpectedAnswer { nonce: &nonce, version, prefix: tree.prefix() })))
}
