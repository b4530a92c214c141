//! Running `vagrant` for one machine.

use super::VagrantError;
use super::project::{dotfile, image, project};
use super::records::{RecordLines, VagrantRecord};
use crate::{MachineFolder, MachineSpec, StartSource};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_supervise::{Command, Deadline, RunError, Tail};

/// Limit of a machine's start: it downloads a box, imports it and provisions; an emulated machine boots for minutes.
pub(super) const UP: Duration = Duration::from_hours(1);
/// Limit of every other command.
pub(super) const OTHER: Duration = Duration::from_mins(10);

/// A `vagrant` command to run.
pub(super) struct VagrantCommand<'a> {
    pub(super) verb: &'static str,
    pub(super) args: Vec<String>,
    pub(super) limit: Duration,
    /// Receives its progress.
    pub(super) events: Option<&'a Events>,
}

impl VagrantCommand<'_> {
    pub(super) fn quiet(verb: &'static str, args: &[&str]) -> Self {
        let args = args.iter().copied().map(str::to_owned).collect();
        Self { verb, args, limit: OTHER, events: None }
    }

    /// Runs it for a machine, and returns its output.
    pub(super) async fn run(
        self,
        folder: &MachineFolder,
        spec: Option<&MachineSpec>,
        cancel: &CancellationToken,
    ) -> Result<Vec<VagrantRecord>, VagrantError> {
        let command = for_machine(self.command(), folder);
        let unfinished = || image(folder).map(|image| ("VMBUILD_IMAGE", image)).into_iter().collect();
        let variables = spec.map_or_else(unfinished, variables);
        self.run_command(variables.into_iter().fold(command, |command, (name, value)| command.env(name, value)), cancel)
            .await
    }

    /// Runs it without a machine, and returns its output.
    pub(super) async fn run_without_machine(
        self,
        cancel: &CancellationToken,
    ) -> Result<Vec<VagrantRecord>, VagrantError> {
        let command = self.command().current_dir("/");
        self.run_command(command, cancel).await
    }

    fn command(&self) -> Command {
        Command::new("vagrant")
            .args(self.verb.split(' '))
            .args(["--machine-readable", "--no-color"])
            .args(&self.args)
            // It would check for updates online.
            .env("VAGRANT_CHECKPOINT_DISABLE", "1")
    }

    async fn run_command(
        self,
        command: Command,
        cancel: &CancellationToken,
    ) -> Result<Vec<VagrantRecord>, VagrantError> {
        let verb = self.verb;
        let running = self.events.map(|events| events.phase(Part::Machine, "vagrant", verb));
        let (mut lines, mut records) = (RecordLines::default(), Vec::new());
        let outcome = command.run(Deadline::after(self.limit), cancel, |bytes| {
            for record in lines.push(bytes).iter().filter_map(|line| VagrantRecord::parse(line)) {
                if let (Some(running), VagrantRecord::Ui(text)) = (&running, &record) {
                    running.advance(0, None, Unit::Lines, text.lines().last().unwrap_or_default().trim());
                }
                records.push(record);
            }
        });
        to_result(verb, outcome.await.map(drop), &records)?;
        if let Some(running) = running {
            running.finish("");
        }
        Ok(records)
    }
}

/// Its own reason for an error takes precedence over its exit code.
fn to_result(verb: &'static str, outcome: Result<(), RunError>, records: &[VagrantRecord]) -> Result<(), VagrantError> {
    let failed = match outcome {
        Ok(()) => return Ok(()),
        Err(failed @ RunError::Failed { .. }) => failed,
        Err(error) => return Err(VagrantError::of_run(verb, error)),
    };
    let reason = records.iter().find_map(|record| match record {
        VagrantRecord::ErrorExit { class, message } => Some((class.clone(), message.clone())),
        _ => None,
    });
    Err(match reason {
        Some((class, message)) => {
            let output = if message.contains("in the log above") { ui_output(records) } else { Tail::default() };
            VagrantError::Refused { verb, class, message, output }
        }
        None => VagrantError::of_run(verb, failed),
    })
}

/// The end of its output for people.
fn ui_output(records: &[VagrantRecord]) -> Tail {
    let mut tail = Tail::default();
    for record in records {
        if let VagrantRecord::Ui(text) = record {
            tail.push(text.as_bytes());
            tail.push(b"\n");
        }
    }
    tail
}

fn for_machine(command: Command, folder: &MachineFolder) -> Command {
    command
        .current_dir(folder.path())
        .env("VAGRANT_CWD", project(folder))
        .env("VAGRANT_DOTFILE_PATH", dotfile(folder))
        .env("VMBUILD_NAME", domain(folder))
        .env("VMBUILD_SHARE", "no")
}

/// A name that is unique among all machines of the provider, across stores.
fn domain(folder: &MachineFolder) -> String {
    let digest = Sha256::digest(folder.path().as_os_str().as_encoded_bytes());
    format!("vmbuild-{}-{}", folder.name(), hex::encode(&digest[..3]))
}

/// Environment variables that the Vagrantfile reads.
fn variables(spec: &MachineSpec) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("VMBUILD_IMAGE", spec.image.clone()),
        ("VMBUILD_MEMORY", spec.memory_mib.to_string()),
        ("VMBUILD_CPUS", spec.cpus.to_string()),
    ];
    if let StartSource::Vagrant { source } = &spec.start {
        let named = [
            ("VMBUILD_BOX", &source.name),
            ("VMBUILD_BOX_VERSION", &source.version),
            ("VMBUILD_DRIVER", &source.driver),
            ("VAGRANT_DEFAULT_PROVIDER", &source.provider),
        ];
        all.extend(named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::VagrantError;
    use super::super::records::VagrantRecord;
    use super::{to_result, variables};
    use crate::{Lifetime, MachineName, MachineSpec, Network, StartSource, VagrantBox};
    use std::time::Duration;
    use vmbuild_core::failure::{Diagnose, Exit};
    use vmbuild_supervise::{ChildEnd, RunError, Tail};

    fn spec(source: VagrantBox) -> MachineSpec {
        MachineSpec {
            name: MachineName::for_job(),
            image: "debian-12".to_owned(),
            cpus: 2,
            memory_mib: 1024,
            network: Network::Outgoing,
            lifetime: Lifetime::Job,
            agent: "/agent".into(),
            start: StartSource::Vagrant { source },
        }
    }

    #[test]
    fn only_known_variables_are_set() {
        let nothing = VagrantBox { name: None, version: None, provider: None, driver: None, packages: String::new() };
        let set = |source: &VagrantBox| {
            variables(&spec(source.clone()))
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(set(&nothing), ["VMBUILD_IMAGE=debian-12", "VMBUILD_MEMORY=1024", "VMBUILD_CPUS=2"]);
        let some = VagrantBox { name: Some("a/b".to_owned()), provider: Some("libvirt".to_owned()), ..nothing };
        assert_eq!(set(&some)[3..], ["VMBUILD_BOX=a/b", "VAGRANT_DEFAULT_PROVIDER=libvirt"]);
    }

    fn failed() -> RunError {
        let mut tail = Tail::default();
        tail.push(b"its last line\n");
        RunError::Failed { command: "vagrant up".to_owned(), ended: ChildEnd::Code(1), tail }
    }

    #[test]
    fn its_own_reason_takes_precedence_over_its_exit_code() {
        let records: Vec<_> = include_str!("real/refused.txt").lines().filter_map(VagrantRecord::parse).collect();
        let refused = to_result("up", Err(failed()), &records).expect_err("it failed");
        insta::assert_snapshot!(refused, @"`vagrant up` failed: Name `vagrant_default` of domain about to create is already taken. Please try to run `vagrant up` command again.");
        assert_eq!(refused.exit(), Exit::Environment);
        let ui = |text: &str| VagrantRecord::Ui(text.to_owned());
        let message = "The output for this command should be in the log above.".to_owned();
        let exit = VagrantRecord::ErrorExit { class: "Vagrant::Errors::VagrantError".to_owned(), message };
        let referred =
            to_result("up", Err(failed()), &[ui("    default: E: no such package"), exit]).expect_err("it failed");
        assert!(referred.to_string().ends_with("E: no such package"), "{referred}");
        let silent = to_result("up", Err(failed()), &[]).expect_err("it failed");
        assert!(silent.to_string().contains("its last line"), "{silent}");
        let late = RunError::TimedOut { command: String::new(), limit: Duration::from_secs(3), tail: Tail::default() };
        assert!(matches!(to_result("halt", Err(late), &[]), Err(VagrantError::TimedOut { verb: "halt", .. })));
        assert!(to_result("up", Ok(()), &records).is_ok());
    }

    #[test]
    fn classes_have_exit_codes_and_hints() {
        let check = |class: &str, exit: Exit, hint: &str| {
            let error = VagrantError::Refused {
                verb: "up",
                class: class.to_owned(),
                message: "it says why".to_owned(),
                output: Tail::default(),
            };
            assert_eq!(error.exit(), exit, "{class}");
            assert!(error.hints().concat().contains(hint), "{class}: {:?}", error.hints());
        };
        check("Vagrant::Errors::BoxAddShortNotFound", Exit::Environment, "VMBUILD_BOX");
        check("Vagrant::Errors::BoxChecksumMismatch", Exit::Integrity, "");
        check("Vagrant::Errors::ProviderNotFound", Exit::Usage, "VAGRANT_DEFAULT_PROVIDER");
        check("VagrantPlugins::ProviderLibvirt::Errors::FogLibvirtConnectionError", Exit::Environment, "libvirtd");
        check("Else", Exit::Environment, "");
        assert!(VagrantError::Missing.hints()[0].contains("apt install vagrant"));
    }
}
