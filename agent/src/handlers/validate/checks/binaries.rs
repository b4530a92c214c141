//! The programs and the compiled modules are there, for this machine, whole and hardened.

use crate::handlers::validate::hardening::inspect_tree;
use crate::handlers::validate::programs::demand_program;
use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;
use crate::handlers::validate::tree::UnpackedArtifact;
use vmbuild_cpython::layout::compiled_modules;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let found = find_flaws(subject, subject.tree().await?).await;
    Ok(found.map_err(|flaws| flaws.join("; "))?)
}

async fn find_flaws(subject: &CheckSubject<'_>, tree: &UnpackedArtifact) -> Result<String, Vec<String>> {
    let program = demand_program(tree, &subject.order.interpreter.binary);
    let mut flaws: Vec<String> = program.as_ref().err().cloned().into_iter().collect();
    let inspected = match inspect_tree(tree).await {
        Ok(inspected) => inspected,
        Err(error) => {
            flaws.push(error);
            return Err(flaws);
        }
    };
    flaws.extend(inspected.flaws);
    if !inspected.has_interpreter {
        flaws.push("no program or library in it holds the interpreter".to_owned());
    }
    let expected = compiled_modules(&subject.name.version);
    let missing: Vec<&str> =
        expected.iter().filter(|&name| !inspected.modules.contains(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let (count, all) = (missing.len(), expected.len());
        flaws.push(format!("{count} of {all} compiled modules are missing: {}", missing.join(", ")));
    }
    match program {
        Ok(program) if flaws.is_empty() => {
            Ok(format!("{program}; {} hardened files; {} compiled modules", inspected.count, expected.len()))
        }
        _ => Err(flaws),
    }
}
