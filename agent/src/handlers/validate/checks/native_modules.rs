//! The modules made of C code import, which loads the libraries that they need, from the artifact and nowhere else.
//!
//! Each has a process of its own: one that crashes hides no other, and none finds its library only because another has
//! loaded it.

use crate::handlers::validate::answer::{ExpectedAnswer, PROBE, judge_answer, nonce};
use crate::handlers::validate::programs::demand_program;
use crate::handlers::validate::python::{ISOLATED, python};
use crate::handlers::validate::report::{CheckError, CheckResult};
use crate::handlers::validate::subject::CheckSubject;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let (tree, modules) = (subject.tree().await?, &subject.order.modules);
    if modules.is_empty() {
        return Err("no module to import was named".to_owned().into());
    }
    demand_program(tree, &subject.order.interpreter.binary)?;
    let mut broken = Vec::new();
    for module in modules {
        match import(subject, module).await {
            Ok(()) => {}
            Err(CheckError::NotMet(flaw)) => broken.push(format!("{module}: {flaw}")),
            Err(error) => return Err(error),
        }
    }
    if !broken.is_empty() {
        let (count, all) = (broken.len(), modules.len());
        return Err(format!("{count} of {all} do not import: {}", broken.join("; ")).into());
    }
    Ok(format!("all {} import, from the artifact alone", modules.len()))
}

async fn import(subject: &CheckSubject<'_>, module: &str) -> Result<(), CheckError> {
    let nonce = nonce()?;
    let answer = python(subject, &[ISOLATED[0], ISOLATED[1], "-c", PROBE, module, &nonce]).await??;
    let (version, prefix) = (&subject.order.interpreter.version, subject.tree().await?.prefix());
    Ok(judge_answer(&answer, &ExpectedAnswer { nonce: &nonce, version, prefix })?)
}
