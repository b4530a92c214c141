//! The archive of Debian's packages: its address is this host's own setting, never ours.

use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::finding::Finding;
use vmbuild_supervise::{Command, Deadline, RunError};

const TOPIC: &str = "archive";
/// apt's own way to fetch one file.
const HELPER: &str = "/usr/lib/apt/apt-helper";
/// A suite that every archive of Debian has.
const SUITE: &str = "bookworm";
const PATIENCE: Duration = Duration::from_secs(20);
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(super) async fn examine(cancel: &CancellationToken) -> Finding {
    if !Path::new(KEYRING).is_file() {
        return Finding::fail(TOPIC, "debian-archive-keyring is missing", "`make deps` installs it")
            .fixed_by(super::install::install("debian-archive-keyring"));
    }
    if let Some(named) = std::env::var_os("VMBUILD_DEBIAN_ARCHIVE") {
        let site = named.to_string_lossy();
        return reached(&site, "VMBUILD_DEBIAN_ARCHIVE", cancel).await;
    }
    match debian_of(&targets(cancel).await) {
        Some(site) => reached(&site, "from apt", cancel).await,
        None => Finding::fail(
            TOPIC,
            "apt on this host is not configured for Debian",
            "set VMBUILD_DEBIAN_ARCHIVE to the address of a Debian archive",
        ),
    }
}

/// Asks it for the file that indexes everything else, as apt would: with its proxies and its methods. Sealed golden
/// machines need no archive, so no answer is not a failure.
async fn reached(site: &str, whence: &str, cancel: &CancellationToken) -> Finding {
    let Ok(folder) = tempfile::tempdir() else { return Finding::ok(TOPIC, format!("{site} ({whence})")) };
    let file = format!("{}/dists/{SUITE}/InRelease", site.trim_end_matches('/'));
    let helper = Command::new(HELPER).args(["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10"]);
    let helper = helper.args(["download-file", &file]).arg(folder.path().join("InRelease")).env("LC_ALL", "C");
    match helper.run(Deadline::after(PATIENCE), cancel, |_| {}).await {
        Ok(_) => Finding::ok(TOPIC, format!("{site} ({whence}) answers")),
        Err(RunError::NotStarted { .. }) => Finding::ok(TOPIC, format!("{site} ({whence}), not asked: apt is missing")),
        Err(RunError::Failed { tail, .. }) => silent(site, whence, tail.last_line()),
        Err(error) => silent(site, whence, &error.to_string()),
    }
}

fn silent(site: &str, whence: &str, why: &str) -> Finding {
    let text = format!("{site} ({whence}) does not answer as an archive does: {}", why.trim());
    Finding::warn(TOPIC, text, "run `apt-get update` for details; only new images need the archive")
}

/// Origin and address of each package index; empty where apt is missing, which has its own finding.
async fn targets(cancel: &CancellationToken) -> String {
    let command =
        Command::new("apt-get").args(["indextargets", "--format", "$(ORIGIN)|$(REPO_URI)", "Identifier: Packages"]);
    let said = command.output(Deadline::after(Duration::from_secs(30)), cancel).await.unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}

/// The first address of Debian itself, without a password: people paste this into bug reports.
fn debian_of(targets: &str) -> Option<String> {
    let address = targets.lines().find_map(|line| line.strip_prefix("Debian|"))?;
    let (scheme, rest) = address.split_once("//")?;
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    Some(format!("{scheme}//{place}"))
}

#[cfg(test)]
mod tests {
    use super::{debian_of, reached};
    use tokio_util::sync::CancellationToken;
    use vmbuild_core::finding::FindingStatus;

    #[tokio::test]
    async fn an_archive_is_asked_and_one_that_does_not_answer_is_a_warning() {
        if !std::path::Path::new(super::HELPER).is_file() {
            eprintln!("skipped: apt is not installed");
            return;
        }
        let cancel = CancellationToken::new();
        // Port 9 discards, where anything listens at all.
        let nobody = reached("http://127.0.0.1:9/debian", "here", &cancel).await;
        assert_eq!(nobody.status, FindingStatus::Warn, "{nobody:?}");
        assert!(nobody.text.starts_with("http://127.0.0.1:9/debian (here) does not answer"), "{nobody:?}");
        let archive = tempfile::tempdir().expect("a folder");
        let dists = archive.path().join("dists/bookworm");
        fs_err::create_dir_all(&dists).expect("a folder");
        fs_err::write(dists.join("InRelease"), "Suite: bookworm\n").expect("a file");
        let here = reached(&format!("file:{}/", archive.path().display()), "here", &cancel).await;
        assert_eq!(here.status, FindingStatus::Ok, "{here:?}");
        assert!(here.text.ends_with("answers"), "{here:?}");
    }

    #[test]
    fn only_debian_counts() {
        let check = |targets, expect| assert_eq!(debian_of(targets).as_deref(), expect);
        let ours = Some("http://archive.example/debian/");
        check("Debian|http://archive.example/debian/\nDebian|http://security.example/\n", ours);
        check("Ubuntu|http://other.example/ubuntu/\nDebian|http://archive.example/debian/", ours);
        check("Debian Backports|http://other.example/\nDebian|http://archive.example/debian/", ours);
        check("Debian|http://name:secret@archive.example/debian/", ours);
        check("Ubuntu|http://archive.example/ubuntu/", None);
        check("", None);
    }
}
