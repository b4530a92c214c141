//! Vagrant, which only one backend needs: without it nothing is wrong.

use super::install::install;
use super::tools::version;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::finding::Finding;
use vmbuild_supervise::{Command, Deadline, RunError};

const TOPIC: &str = "vagrant";
const WHY: &str = "only `--backend vagrant` needs it";
/// Ruby starts slowly, and slower on a busy host.
const PATIENCE: Duration = Duration::from_mins(1);
/// The plugin that runs its machines on a Linux host, as in Vagrant's list and among Debian's packages.
const PLUGIN: &str = "vagrant-libvirt";
/// The provider that Vagrant brings along needs a program of its own.
const VIRTUALBOX: &str = "VBoxManage";

/// The parts of Vagrant that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum VagrantSeen {
    Missing,
    /// It is installed and does not work, with its error.
    Broken(String),
    Here {
        version: String,
        /// The plugin's line of Vagrant's list, such as `vagrant-libvirt (0.11.2, system)`.
        plugin: Option<String>,
        virtualbox: bool,
    },
}

pub(super) async fn examine(cancel: &CancellationToken) -> Finding {
    judge(look(cancel).await)
}

async fn look(cancel: &CancellationToken) -> VagrantSeen {
    let said = match ask(&["--version"], cancel).await {
        Ok(said) => said,
        Err(RunError::NotStarted { .. }) => return VagrantSeen::Missing,
        Err(error) => return VagrantSeen::Broken(error.to_string()),
    };
    // Without a list nothing is known of plugins, which is what none looks like too.
    let plugins = ask(&["plugin", "list"], cancel).await.unwrap_or_default();
    VagrantSeen::Here {
        version: version(&said).unwrap_or("present").to_owned(),
        plugin: plugins.lines().find(|line| line.starts_with(PLUGIN)).map(str::to_owned),
        virtualbox: vmbuild_machine::qemu::on_path(VIRTUALBOX).is_ok(),
    }
}

async fn ask(words: &[&str], cancel: &CancellationToken) -> Result<String, RunError> {
    // It would ask its maker whether it is up to date.
    let command = Command::new("vagrant").args(words).env("VAGRANT_CHECKPOINT_DISABLE", "1");
    let said = command.output(Deadline::after(PATIENCE), cancel).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn judge(seen: VagrantSeen) -> Finding {
    match seen {
        // Most people never need it, so `--fix` does not install it.
        VagrantSeen::Missing => {
            Finding::ok(TOPIC, format!("not installed; {WHY} (`apt-get install vagrant {PLUGIN}` installs it)"))
        }
        VagrantSeen::Broken(said) => {
            Finding::warn(TOPIC, format!("does not work, and {WHY}: {said}"), "run `vagrant --version`")
        }
        VagrantSeen::Here { version, plugin: Some(plugin), .. } => {
            Finding::ok(TOPIC, format!("{version}, {plugin}; {WHY}"))
        }
        VagrantSeen::Here { version, plugin: None, virtualbox: true } => {
            Finding::ok(TOPIC, format!("{version}, with VirtualBox; {WHY}"))
        }
        VagrantSeen::Here { version, plugin: None, virtualbox: false } => Finding::warn(
            TOPIC,
            format!("{version}, without a provider that works here; {WHY}"),
            &format!("`apt-get install {PLUGIN}` installs libvirt's"),
        )
        .fixed_by(install(PLUGIN)),
    }
}

#[cfg(test)]
mod tests {
    use super::{VagrantSeen, examine, judge};
    use tokio_util::sync::CancellationToken;
    use vmbuild_core::finding::FindingStatus;

    fn here(plugin: Option<&str>, virtualbox: bool) -> VagrantSeen {
        VagrantSeen::Here { version: "2.3.4".to_owned(), plugin: plugin.map(str::to_owned), virtualbox }
    }

    #[test]
    fn a_backend_that_nobody_asked_for_is_never_an_error() {
        let check = |seen: VagrantSeen, status, expect: &str| {
            let finding = judge(seen);
            assert_eq!((finding.status, finding.text.as_str()), (status, expect));
            finding
        };
        let missing = "not installed; only `--backend vagrant` needs it (`apt-get install vagrant vagrant-libvirt` \
                       installs it)";
        assert_eq!(check(VagrantSeen::Missing, FindingStatus::Ok, missing).fix, None);
        let libvirt = "2.3.4, vagrant-libvirt (0.11.2, system); only `--backend vagrant` needs it";
        check(here(Some("vagrant-libvirt (0.11.2, system)"), false), FindingStatus::Ok, libvirt);
        check(here(None, true), FindingStatus::Ok, "2.3.4, with VirtualBox; only `--backend vagrant` needs it");
        let none = "2.3.4, without a provider that works here; only `--backend vagrant` needs it";
        let finding = check(here(None, false), FindingStatus::Warn, none);
        assert!(finding.remedy.is_some_and(|remedy| remedy.contains("vagrant-libvirt")));
        assert!(finding.fix.is_none_or(|fix| fix.last().is_some_and(|word| word == "vagrant-libvirt")));
        let broken = "does not work, and only `--backend vagrant` needs it: no ruby";
        check(VagrantSeen::Broken("no ruby".to_owned()), FindingStatus::Warn, broken);
    }

    #[tokio::test]
    async fn vagrant_on_this_host_is_never_an_error() {
        let finding = examine(&CancellationToken::new()).await;
        assert_eq!(finding.topic, "vagrant");
        assert_ne!(finding.status, FindingStatus::Fail, "{finding:?}");
        assert!(finding.text.contains("`--backend vagrant`"), "{finding:?}");
    }
}
