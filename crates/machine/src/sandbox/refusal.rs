//! Errors of namespaces, with suggested fixes.

use super::control::{HelperRefusal, HelperStep};
use super::idmap::IdMapError;
use std::io;
use std::time::Duration;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::{ChildEnd, RunError};

/// Error of a program in namespaces.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// Only Linux has namespaces.
    #[error("sandboxes require Linux")]
    NotLinux,
    /// The kernel refuses to make them.
    #[error("the kernel does not allow this user to create namespaces")]
    Refused {
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Their ids could not be mapped.
    #[error("failed to map the namespace's ids")]
    Ids(#[from] IdMapError),
    /// The kernel refuses to stack directories there.
    #[error("the kernel cannot overlay {layers} on this file system")]
    Overlay {
        /// The folders in question.
        layers: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another step inside failed.
    #[error("failed to {step}{}", about(what))]
    Setup {
        /// Description of the step.
        step: String,
        /// The path it was about; may be empty.
        what: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The helper process ended, or fell silent, without saying why.
    #[error("the helper process that creates namespaces {}{}", how(*ended), about(output))]
    Helper {
        /// How it ended, if it did.
        ended: Option<ChildEnd>,
        /// Its output.
        output: String,
    },
    /// Its files or its socket.
    #[error("failed to prepare namespaces")]
    Io(#[from] io::Error),
    /// The program itself, or a helper that could not be started.
    #[error(transparent)]
    Run(#[from] RunError),
}

fn about(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!(": {what}") }
}

fn how(ended: Option<ChildEnd>) -> String {
    ended.map_or_else(|| "does not answer".to_owned(), |ended| ended.to_string())
}

/// Time the helper has for each answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

impl From<HelperRefusal> for NamespaceError {
    fn from(refusal: HelperRefusal) -> Self {
        let source = refusal.source();
        match refusal.step {
            HelperStep::Unshare => Self::Refused { source },
            HelperStep::Overlay => Self::Overlay { layers: refusal.what, source },
            step => Self::Setup { step: step.to_string(), what: refusal.what, source },
        }
    }
}

impl Diagnose for NamespaceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Run(error) => error.exit(),
            Self::Ids(error) => error.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Refused { .. } => blocking_switches(&read_switch),
            Self::Overlay { .. } => vec![
                "set VMBUILD_HOME to a folder on a local disk (ext4, xfs or btrfs): overlays do not stack on overlays \
                 or network file systems"
                    .to_owned(),
                "unmount everything below these folders (`findmnt` lists mounts), and use Linux 5.11 or newer"
                    .to_owned(),
            ],
            Self::Setup { step, .. } if *step == HelperStep::Proc.to_string() => {
                let mut hints = blocking_switches(&read_switch);
                hints.push(
                    "inside a container: do not mask its /proc (`--security-opt systempaths=unconfined`)".to_owned(),
                );
                hints
            }
            Self::Ids(error) => error.hints(),
            Self::Run(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

/// Hints about settings that prevent users from creating namespaces.
fn blocking_switches(read: &dyn Fn(&str) -> Option<u64>) -> Vec<String> {
    let switches = [
        ("kernel.unprivileged_userns_clone", 0, 1),
        ("user.max_user_namespaces", 0, 15_000),
        ("kernel.apparmor_restrict_unprivileged_userns", 1, 0),
    ];
    let blocking = switches.iter().filter(|(name, bad, _)| read(name) == Some(*bad));
    let mut hints: Vec<String> = blocking
        .map(|(name, bad, good)| format!("{name} is {bad}: `sudo sysctl -w {name}={good}` allows user namespaces"))
        .collect();
    if hints.is_empty() {
        hints.push("inside a container: allow it to create user namespaces (seccomp, AppArmor)".to_owned());
    }
    hints
}

fn read_switch(name: &str) -> Option<u64> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    fs_err::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Diagnose, HelperRefusal, HelperStep, NamespaceError, blocking_switches};
    use std::error::Error;

    #[test]
    fn every_switch_has_its_own_hint() {
        let check = |name: &str, value: u64, expect: &str| {
            let hints = blocking_switches(&|asked| (asked == name).then_some(value));
            assert_eq!(hints, [expect]);
        };
        check(
            "kernel.apparmor_restrict_unprivileged_userns",
            1,
            "kernel.apparmor_restrict_unprivileged_userns is 1: \
             `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` allows user namespaces",
        );
        check(
            "user.max_user_namespaces",
            0,
            "user.max_user_namespaces is 0: `sudo sysctl -w user.max_user_namespaces=15000` allows user namespaces",
        );
        let good = "inside a container: allow it to create user namespaces (seccomp, AppArmor)";
        check("kernel.unprivileged_userns_clone", 1, good);
    }

    #[test]
    fn a_refusal_keeps_step_path_and_reason() {
        let check = |step, what: &str, errno, message: &str, source: &str| {
            let error = NamespaceError::from(HelperRefusal { step, what: what.to_owned(), errno });
            assert_eq!(error.to_string(), message);
            assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(source));
        };
        let denied = "Operation not permitted (os error 1)";
        check(HelperStep::Unshare, "", 1, "the kernel does not allow this user to create namespaces", denied);
        check(
            HelperStep::Bind,
            "/srv/x",
            2,
            "failed to make a host path visible: /srv/x",
            "No such file or directory (os error 2)",
        );
        check(HelperStep::Hostname, "", 0, "failed to set its host name", "the system gave no reason");
    }

    #[test]
    fn an_overlay_on_the_wrong_file_system_names_the_way_out() {
        let error =
            NamespaceError::from(HelperRefusal { step: HelperStep::Overlay, what: "/a over /b".to_owned(), errno: 22 });
        assert!(error.hints()[0].contains("VMBUILD_HOME"));
    }
}
