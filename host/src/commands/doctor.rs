//! `vmbuild doctor`: what this host lacks, and mending it.

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::DoctorArgs;
use crate::report::{self, Paint};
use std::io::IsTerminal;
use std::time::Duration;
use vmbuild_core::event::Part;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::finding::{Finding, Status};
use vmbuild_operations::doctor::examine;
use vmbuild_supervise::{Command, Deadline};

/// A package may be large, and its archive slow.
const LIMIT: Duration = Duration::from_mins(30);

/// Prints every finding; fails if one of them does. With `--fix`, after everything that can be mended was.
pub(crate) async fn doctor(context: &CommandContext, args: DoctorArgs) -> Result<CommandExit, Failure> {
    let mut findings = examine(&context.store, &context.cancel).await;
    if args.fix {
        let fixes = fixes(&findings);
        if fixes.is_empty() {
            context.events.note(Part::Machine, "no command can mend anything here");
        }
        // All of them are shown before the first one runs.
        for fix in &fixes {
            context.events.note(Part::Machine, format!("will run: {}", fix.join(" ")));
        }
        for fix in &fixes {
            run(context, fix).await?;
        }
        findings = examine(&context.store, &context.cancel).await;
    }
    let failed = findings.iter().any(|finding| finding.status == Status::Fail);
    let text = if context.json {
        report::finding_json(&findings)
    } else {
        report::finding_table(&findings, Paint::choose(std::io::stdout().is_terminal()))
    };
    report::to_stdout(&text)?;
    Ok(if failed { Exit::Environment } else { Exit::Success }.into())
}

/// The commands that mend something, each once.
fn fixes(findings: &[Finding]) -> Vec<Vec<String>> {
    let mut fixes = Vec::new();
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()) {
        if !fixes.contains(fix) {
            fixes.push(fix.clone());
        }
    }
    fixes
}

async fn run(context: &CommandContext, fix: &[String]) -> Result<(), Failure> {
    let Some((program, arguments)) = fix.split_first() else { return Ok(()) };
    let phase = context.events.phase(Part::Machine, "mend", fix.join(" "));
    let command = Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let mut shown = phase.last_line();
    command.run(Deadline::after(LIMIT), &context.cancel, |bytes: &[u8]| shown.hear(bytes)).await?;
    phase.finish("");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fixes;
    use vmbuild_core::finding::Finding;

    #[test]
    fn each_command_runs_once() {
        let install = |package: &str| Some(vec!["apt-get".to_owned(), package.to_owned()]);
        let findings = [
            Finding::ok("a", "1"),
            Finding::fail("b", "missing", "install it").fixed_by(install("uidmap")),
            Finding::fail("c", "missing", "install it").fixed_by(install("uidmap")),
            Finding::fail("d", "missing", "install it").fixed_by(install("qemu-utils")),
            Finding::fail("e", "wrong", "see there"),
        ];
        assert_eq!(fixes(&findings), [install("uidmap").unwrap(), install("qemu-utils").unwrap()]);
    }
}
