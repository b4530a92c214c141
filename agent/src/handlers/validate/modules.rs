//! Check 8: the modules made of C code import, which loads the libraries they need.

use super::outcome::Outcome;
use super::python::{ISOLATED, python};
use super::subject::Subject;
use super::tree::Tree;
use vmbuild_protocol::Failure;

/// 8: every module imports. Each has a process of its own: one that crashes hides no other, and none finds its
/// library only because another has loaded it.
pub(super) async fn modules(subject: &Subject<'_>, tree: &Tree) -> Result<Outcome, Failure> {
    let modules = &subject.ask.modules;
    let mut broken = Vec::new();
    for module in modules {
        let import = format!("import {module}");
        if let Err(why) = python(subject, tree, &[ISOLATED[0], ISOLATED[1], "-c", &import]).await? {
            broken.push(format!("{module}: {why}"));
        }
    }
    if broken.is_empty() {
        return Ok(Outcome::Pass(format!("all {} import", modules.len())));
    }
    Ok(Outcome::Fail(format!("{} of {} do not import: {}", broken.len(), modules.len(), broken.join("; "))))
}
