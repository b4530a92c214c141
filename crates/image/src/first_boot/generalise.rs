//! Removal of files that belong to one machine or one boot: identities, keys, caches, logs.
//!
//! This is done on the tree rather than in the guest, whose services write these files again until their end.

use crate::ImageError;
use crate::golden::EPOCH;
use crate::host_tool::{self, HostTool};
use std::collections::BTreeSet;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Files, and patterns of files with one `*` in the last part. Everything that matches goes.
const REMOVED: [&str; 26] = [
    "etc/ssh/ssh_host_*",
    "etc/netplan/50-cloud-init.yaml",
    "etc/network/interfaces.d/50-cloud-init*",
    "etc/sudoers.d/90-cloud-init-users",
    "etc/udev/rules.d/70-persistent-net.rules",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/cache/debconf/*-old",
    "var/cache/dnf/*",
    "var/cache/ldconfig/*",
    "var/cache/libdnf5/*",
    "var/lib/apt/lists/*",
    "var/lib/cloud",
    "var/lib/dbus/machine-id",
    "var/lib/dhcp/*",
    "var/lib/dpkg/*-old",
    "var/lib/NetworkManager/*",
    "var/lib/systemd/catalog/database",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/linger",
    "var/lib/systemd/network/*",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/timers",
    "var/log/*",
    "root/.bash_history",
    "root/.ssh/*",
];

/// Files that are emptied: an empty machine-id is filled at the first boot, and a missing one makes
/// systemd treat every boot as the first; the list of name servers is written for each machine.
const EMPTIED: [&str; 2] = ["etc/machine-id", NAME_SERVERS];

/// The list of name servers. The agent keeps the system's own next to it while it uses its own.
const NAME_SERVERS: &str = "etc/resolv.conf";

/// Generalises the tree.
pub(super) async fn generalise(tree: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    let mut names = Vec::new();
    for pattern in REMOVED {
        names.extend(matching(tree, pattern)?);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !names.is_empty() {
        host_tool::remove_trees(tree, &names, cancel).await?;
    }
    date_folders(tree, cancel).await?;
    let kept = format!("{NAME_SERVERS}.vmbuild");
    if tree.join(&kept).symlink_metadata().is_ok() {
        HostTool::new("mv", "coreutils", tree)?.args(["-f", "-T", &kept, NAME_SERVERS]).run(cancel, |_| ()).await?;
    }
    for name in EMPTIED {
        if tree.join(name).symlink_metadata().is_ok_and(|about| about.is_file()) {
            HostTool::new("truncate", "coreutils", tree)?.args(["--size=0", name]).run(cancel, |_| ()).await?;
        }
    }
    Ok(())
}

/// Gives one fixed time to the folders in which files may have been removed, whether or not this boot wrote there.
async fn date_folders(tree: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    let folders = REMOVED.iter().filter_map(|pattern| Some(pattern.rsplit_once('/')?.0));
    let folders: BTreeSet<&str> = folders.filter(|folder| tree.join(folder).is_dir()).collect();
    if folders.is_empty() {
        return Ok(());
    }
    let date = format!("--date=@{EPOCH}");
    HostTool::new("touch", "coreutils", tree)?.args([date.as_str()]).args(folders).run(cancel, |_| ()).await?;
    Ok(())
}

/// The names below `tree` that match; empty where the folder is missing, or not readable for this user: then a boot
/// without users has not written there.
fn matching(tree: &Path, pattern: &str) -> Result<Vec<String>, ImageError> {
    let (folder, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let Some((start, end)) = last.split_once('*') else {
        let there = tree.join(pattern).symlink_metadata().is_ok();
        return Ok(there.then(|| pattern.to_owned()).into_iter().collect());
    };
    let entries = match fs_err::read_dir(tree.join(folder)) {
        Ok(entries) => entries,
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => return Ok(Vec::new()),
            _ => return Err(error.into()),
        },
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end) {
            found.push(format!("{folder}/{name}"));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn patterns_match_in_their_folder_only() {
        let tree = tempfile::tempdir().expect("a folder");
        for name in ["etc/ssh/ssh_host_rsa_key", "etc/ssh/sshd_config", "var/log/apt/term.log", "var/cache/a-old"] {
            let path = tree.path().join(name);
            fs_err::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs_err::write(path, "").expect("written");
        }
        let check = |pattern: &str, expect: &[&str]| {
            assert_eq!(matching(tree.path(), pattern).expect("listed"), expect, "{pattern}");
        };
        check("etc/ssh/ssh_host_*", &["etc/ssh/ssh_host_rsa_key"]);
        check("var/log/*", &["var/log/apt"]);
        check("var/cache/*-old", &["var/cache/a-old"]);
        check("var/cache/a-old-old*", &[]);
        check("etc/ssh/sshd_config", &["etc/ssh/sshd_config"]);
        check("nowhere/*", &[]);
        check("etc/none", &[]);
    }
}
