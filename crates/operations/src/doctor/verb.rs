//! `doctor`: checks this host and, if asked to, applies fixes.

use super::examine;
use std::time::Duration;
use vmbuild_core::context::Context;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::finding::{Finding, FindingStatus};
use vmbuild_supervise::{Command, Deadline};

/// A package may be large, and its archive slow.
const LIMIT: Duration = Duration::from_mins(30);

/// How to check this host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DoctorRequest {
    /// Run the commands that fix what was found, and check again.
    pub fix: bool,
}

/// The state of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorOutcome {
    /// All findings, in the order a build needs them.
    pub findings: Vec<Finding>,
}

impl DoctorOutcome {
    /// True if something that vmbuild does will not work here.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.status == FindingStatus::Fail)
    }
}

/// Checks this host; after the fixes, if they were asked for.
pub async fn doctor(context: &Context, request: DoctorRequest) -> Result<DoctorOutcome, Failure> {
    let findings = examine(&context.store, &context.cancel).await;
    if !request.fix {
        return Ok(DoctorOutcome { findings });
    }
    let fixes = fixes(&findings);
    if fixes.is_empty() {
        context.events.note(Part::Machine, "no automatic fix is available");
    }
    // All of them are shown before the first one runs.
    for fix in &fixes {
        context.events.note(Part::Machine, format!("will run: {}", fix.join(" ")));
    }
    for fix in &fixes {
        run(context, fix).await?;
    }
    Ok(DoctorOutcome { findings: examine(&context.store, &context.cancel).await })
}

/// The commands that fix something, each once.
fn fixes(findings: &[Finding]) -> Vec<Vec<String>> {
    let mut fixes = Vec::new();
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()) {
        if !fixes.contains(fix) {
            fixes.push(fix.clone());
        }
    }
    fixes
}

async fn run(context: &Context, fix: &[String]) -> Result<(), Failure> {
    let Some((program, arguments)) = fix.split_first() else { return Ok(()) };
    let phase = context.events.phase(Part::Machine, "fix", fix.join(" "));
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
