//! The programs vmbuild calls, and the agent it sends into machines.

use super::install::install;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::finding::Finding;
use vmbuild_machine::agent_binary;
use vmbuild_supervise::{Command, Deadline, RunError};

/// No program needs this long to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

const INSTALL: &str = "`make deps` installs it";

/// A program, the option that prints its version, and its purpose.
struct Tool {
    program: &'static str,
    version: &'static str,
    package: &'static str,
    why: &'static str,
}

const fn tool(program: &'static str, version: &'static str, package: &'static str, why: &'static str) -> Tool {
    Tool { program, version, package, why }
}

const QEMU: &str = match std::env::consts::ARCH.as_bytes() {
    b"aarch64" => "qemu-system-aarch64",
    _ => "qemu-system-x86_64",
};

/// Debian's package of it.
const QEMU_PACKAGE: &str = match std::env::consts::ARCH.as_bytes() {
    b"aarch64" => "qemu-system-arm",
    _ => "qemu-system-x86",
};

const TOOLS: [Tool; 6] = [
    tool("apt-get", "--version", "apt", "names the package archive this host uses"),
    tool("mmdebstrap", "--version", "mmdebstrap", "makes base images from the archive"),
    tool("dpkg-deb", "--version", "dpkg", "unpacks the guest's kernel"),
    tool("mke2fs", "-V", "e2fsprogs", "makes disks of directory trees"),
    tool("qemu-img", "--version", "qemu-utils", "makes overlay disks"),
    tool(QEMU, "--version", QEMU_PACKAGE, "runs virtual machines"),
];

/// For ordinary users only: root needs no help to map users.
const FOR_USERS: [Tool; 2] = [
    tool("newuidmap", "--help", "uidmap", "maps users in sandboxes of ordinary users"),
    tool("newgidmap", "--help", "uidmap", "maps groups in sandboxes of ordinary users"),
];

pub(super) async fn examine(root: bool, cancel: &CancellationToken) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tool in TOOLS.iter().chain(FOR_USERS.iter().filter(|_| !root)) {
        findings.push(look(tool, cancel).await);
    }
    findings
}

async fn look(tool: &Tool, cancel: &CancellationToken) -> Finding {
    let command = Command::new(tool.program).arg(tool.version).env("LC_ALL", "C");
    match command.run(Deadline::after(PATIENCE), cancel, |_| {}).await {
        Ok(said) => Finding::ok(tool.program, version(&said.text()).unwrap_or("present").to_owned()),
        // newuidmap knows no option and refuses with a status: it exists.
        Err(RunError::Failed { .. }) => Finding::ok(tool.program, "present"),
        Err(RunError::NotStarted { .. }) => {
            Finding::fail(tool.program, format!("missing: {}", tool.why), INSTALL).fixed_by(install(tool.package))
        }
        Err(other) => Finding::fail(tool.program, other.to_string(), "run it by hand to see why it does not answer"),
    }
}

/// The first word with a digit in front and a dot in it: `7.2.22` of `QEMU emulator version 7.2.22 (Debian…)`.
pub(super) fn version(text: &str) -> Option<&str> {
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    text.split_whitespace().find(is_version)
}

pub(super) fn agent() -> Finding {
    match agent_binary::find() {
        Ok(path) => Finding::ok("agent", format!("static, {}", path.display())),
        Err(error) => Finding::fail("agent", error.to_string(), "`make build` builds both programs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmbuild_core::finding::FindingStatus;

    #[test]
    fn versions() {
        let check = |text, expect| assert_eq!(version(text), expect, "{text}");
        check("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\nCopyright (c) 2003", Some("7.2.22"));
        check("mmdebstrap 1.3.5", Some("1.3.5"));
        check("mke2fs 1.47.0 (5-Feb-2023)", Some("1.47.0"));
        check("apt 2.6.1 (amd64)", Some("2.6.1"));
        check("usage: newuidmap", None);
    }

    #[tokio::test]
    async fn a_missing_program_is_named_with_its_purpose() {
        let finding =
            look(&tool("vmbuild-no-such-program", "--version", "none", "tests"), &CancellationToken::new()).await;
        assert_eq!((finding.status, finding.text.as_str()), (FindingStatus::Fail, "missing: tests"));
    }

    #[tokio::test]
    async fn a_program_that_refuses_is_still_there() {
        let finding = look(&tool("false", "--version", "none", "tests"), &CancellationToken::new()).await;
        assert_eq!(finding.status, FindingStatus::Ok);
    }
}
