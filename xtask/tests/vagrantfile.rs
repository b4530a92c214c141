//! The Vagrantfile is Ruby, so only Vagrant itself can validate it.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline, RunError};

/// `vagrant validate` with its state outside the repository. Providers' own settings are left out: Vagrant checks
/// them only where the provider is installed, and refuses to check anything where none is.
async fn validate(variables: &[(&str, &str)]) -> Result<String, RunError> {
    let state = tempfile::tempdir().expect("a temporary folder");
    let command = Command::new("vagrant")
        .args(["validate", "--ignore-provider", "--no-color"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env("VAGRANT_HOME", state.path().join("home"))
        .env("VAGRANT_DOTFILE_PATH", state.path().join("dotfiles"))
        .env("VAGRANT_CHECKPOINT_DISABLE", "1");
    let command = variables.iter().fold(command, |command, (name, value)| command.env(name, value));
    let said = command.run(Deadline::after(Duration::from_mins(2)), &CancellationToken::new(), |_| {}).await?;
    Ok(said.text())
}

/// Returns true if Vagrant is installed; otherwise prints that the test was skipped.
async fn vagrant_is_missing() -> bool {
    let version = Command::new("vagrant").arg("--version");
    let ran = version.run(Deadline::after(Duration::from_mins(1)), &CancellationToken::new(), |_| {}).await;
    if let Err(error) = &ran {
        let _ = writeln!(std::io::stderr(), "skipped: {error}");
    }
    ran.is_err()
}

#[tokio::test]
async fn vagrant_accepts_it() {
    if vagrant_is_missing().await {
        return;
    }
    let said = validate(&[]).await.expect("the Vagrantfile is valid");
    assert!(said.contains("validated successfully"), "{said}");
}

#[tokio::test]
async fn memory_and_processors_are_numbers() {
    if vagrant_is_missing().await {
        return;
    }
    for variable in ["VMBUILD_MEMORY", "VMBUILD_CPUS"] {
        let refused = validate(&[(variable, "many")]).await.expect_err("`many` is no number");
        assert!(refused.to_string().contains("many"), "{refused}");
    }
}

#[tokio::test]
async fn every_system_with_a_list_is_known_and_no_other() {
    if vagrant_is_missing().await {
        return;
    }
    validate(&[("VMBUILD_IMAGE", "debian-12")]).await.expect("there is a list");
    let refused = validate(&[("VMBUILD_IMAGE", "no-such")]).await.expect_err("there is none");
    assert!(refused.to_string().contains("provision/packages/no-such.toml"), "{refused}");
}
