//! Normalization of a tree, so that it does not depend on when and where it was made.
//!
//! Two builds from the same packages then give the same tree: no logs, caches, backups, seeds or machine ids, none of
//! the host's names, and no time later than the fixed one.

use super::EPOCH;
use super::bootstrap::UNSAFE;
use crate::ImageError;
use crate::host_tool::HostTool;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Files that are generated again where they are needed, as shell patterns.
const GENERATED: &str = "\
    var/log/*.log var/log/apt/* var/log/journal/* var/log/btmp var/log/wtmp var/log/lastlog var/log/faillog \
    var/cache/apt/*.bin var/cache/apt/archives/*.deb var/cache/ldconfig/aux-cache var/cache/debconf/*-old \
    var/lib/apt/lists/* var/lib/dpkg/*-old var/lib/systemd/random-seed var/lib/dbus/machine-id \
    etc/passwd- etc/shadow- etc/group- etc/gshadow- etc/subuid- etc/subgid- etc/.pwd.lock \
    tmp/* var/tmp/* run/[!l]* root/.wget-hsts";

/// `$1` is the tree, `$2` the time, `$3` the patterns. apt gives its download folder to its sandbox user only where that
/// user can read the packages: the folder's owner would depend on the modes of the store.
const SCRIPT: &str = r#"set -e
cd "$1"
for name in $3; do rm -rf -- "./$name"; done
if [ -d ./var/cache/apt/archives/partial ]; then chown 0:0 ./var/cache/apt/archives/partial; fi
find . -newermt "@$2" -exec touch --no-dereference --date="@$2" -- {} +
"#;

/// Files of a clean tree that replace those the bootstrap copied from the host.
const NEUTRAL_FILES: [(&str, &str); 3] = [
    ("etc/hostname", "vmbuild\n"),
    ("etc/resolv.conf", ""),
    (
        "etc/apt/sources.list",
        "# This machine was made from a cache of packages. No archive is named, so that equal\n\
         # packages give equal machines wherever they were fetched.\n",
    ),
];

/// Normalizes a tree, or a layer over one, named relative to `folder`.
pub(crate) async fn normalize_tree(folder: &Path, tree: &str, cancel: &CancellationToken) -> Result<(), ImageError> {
    let shell = HostTool::new("sh", "dash", folder)?;
    shell.args(["-c", SCRIPT, "normalize", tree, EPOCH, GENERATED]).run(cancel, |_| ()).await?;
    Ok(())
}

/// Removes the options that mmdebstrap gave to dpkg and leaves in the tree.
const OPTIONS: &str = r#"exec find "$1/etc/dpkg/dpkg.cfg.d" -type f -exec sed -i "/^$2\$/d" {} +"#;

/// Replaces the host's names in a clean tree, and removes dpkg's options of the bootstrap.
pub(crate) async fn remove_host_names(folder: &Path, tree: &str, cancel: &CancellationToken) -> Result<(), ImageError> {
    let shell = HostTool::new("sh", "dash", folder)?;
    shell.args(["-c", OPTIONS, "options", tree, UNSAFE]).run(cancel, |_| ()).await?;
    for (name, contents) in NEUTRAL_FILES {
        let arguments =
            ["-c", r#"rm -f -- "$1" && printf %s "$2" > "$1""#, "forget", &format!("{tree}/{name}"), contents];
        HostTool::new("sh", "dash", folder)?.args(arguments).run(cancel, |_| ()).await?;
    }
    Ok(())
}
