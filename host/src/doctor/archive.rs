//! Where Debian's packages come from: the address is this host's own setting, never ours.

use super::Finding;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

const TOPIC: &str = "archive";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(super) async fn examine(cancel: &CancellationToken) -> Finding {
    if !Path::new(KEYRING).is_file() {
        return Finding::fail(TOPIC, "debian-archive-keyring is missing", "`make deps` installs it")
            .fixed_by(super::install::install("debian-archive-keyring"));
    }
    if let Some(named) = std::env::var_os("VMBUILD_DEBIAN_ARCHIVE") {
        return Finding::ok(TOPIC, format!("{} (VMBUILD_DEBIAN_ARCHIVE)", named.display()));
    }
    match debian_of(&targets(cancel).await) {
        Some(site) => Finding::ok(TOPIC, format!("{site} (from apt)")),
        None => Finding::fail(
            TOPIC,
            "apt on this host is not configured for Debian",
            "set VMBUILD_DEBIAN_ARCHIVE to the address of a Debian archive",
        ),
    }
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
    use super::debian_of;

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
