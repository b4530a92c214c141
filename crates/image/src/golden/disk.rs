//! A golden machine as a disk: a raw, sparse ext4 file system without partitions.
//!
//! It has no journal: machines run on an overlay that is thrown away. Features are named one by one and identifiers
//! come from the golden machine's own, so the host's settings have no influence.

use super::folder::{GoldenFolder, UNFINISHED};
use super::recipe::uuid;
use super::{EPOCH, GoldenRole, disk_times};
use crate::ImageError;
use crate::host_tool::HostTool;
use std::os::unix::fs::PermissionsExt;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part};

/// Room for a build and its tests. Sparse: the file takes what is used.
const SIZE: &str = "12G";

/// Features that Linux 6.1 and later support, without those that need a journal. Source: ext4(5).
const FEATURES: &str = "none,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,\
                        dir_nlink,extra_isize,metadata_csum";

/// Mounts the layers, relative to the golden machine's folder, and executes the program. The mount ends with its
/// namespace.
const OVERLAY: &str = r#"set -e
mount -t overlay overlay -o "$1" "$2"
shift 2
exec "$@"
"#;

/// The mount point of the layers.
const MOUNT: &str = ".new-mount";

/// Creates the role's disk, if it does not exist. The caller holds the lock.
pub(crate) async fn ensure(
    folder: &GoldenFolder,
    role: GoldenRole,
    digest: &str,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let disk = folder.disk(role);
    if disk.is_file() {
        return Ok(());
    }
    let name = format!("{}.ext4", role.as_str());
    let running = events.phase(Part::Golden, "disk", &name);
    let unfinished = format!("{UNFINISHED}{name}");
    fill(folder, role, &uuid(digest)?, &unfinished, cancel).await?;
    disk_times::set_fixed_times(folder.path(), &unfinished, cancel).await?;
    let made = folder.path().join(&unfinished);
    fs_err::set_permissions(&made, std::fs::Permissions::from_mode(0o444))?;
    fs_err::File::open(&made)?.sync_all()?;
    fs_err::rename(&made, &disk)?;
    vmbuild_core::store::sync_folder(folder.path())?;
    running.finish("");
    Ok(())
}

async fn fill(
    folder: &GoldenFolder,
    role: GoldenRole,
    uuid: &str,
    file: &str,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    // Looked up here, so that an error names its package.
    HostTool::new("mke2fs", "e2fsprogs", folder.path())?;
    // mke2fs reads the first variable up to 1.47.0, the second after it.
    let env = [("E2FSPROGS_FAKE_TIME", EPOCH), ("SOURCE_DATE_EPOCH", EPOCH)];
    run_over_tree(folder, role, |tree| Ok(mke2fs(&tree, uuid, file)), cancel, &env).await
}

/// Runs a program over the role's tree, with the layers mounted as one, in the golden machine's folder. `arguments`
/// gets the path of the tree. The caller holds the lock.
pub(crate) async fn run_over_tree(
    folder: &GoldenFolder,
    role: GoldenRole,
    arguments: impl FnOnce(String) -> Result<Vec<String>, ImageError>,
    cancel: &CancellationToken,
    env: &[(&str, &str)],
) -> Result<(), ImageError> {
    let shell = HostTool::new("sh", "dash", folder.path())?;
    let tool = match role {
        GoldenRole::Clean => shell.args(["-c", r#"exec "$@""#, "run"]).args(arguments("clean".to_owned())?),
        GoldenRole::Build => {
            let mount = folder.path().join(MOUNT);
            if !mount.is_dir() {
                fs_err::create_dir(mount)?;
            }
            shell.args(["-c", OVERLAY, "run", LAYERS, MOUNT]).args(arguments(MOUNT.to_owned())?)
        }
    };
    let tool = env.iter().fold(tool, |tool, (name, value)| tool.env(name, *value));
    let ran = tool.run(cancel, |_| ()).await;
    match fs_err::remove_dir(folder.path().join(MOUNT)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => ran.map(drop),
    }
}

/// The build role's layers, relative to the golden machine's folder, whose path may contain a colon. The sandbox that
/// wrote the upper one marked its whiteouts in the `user.` namespace, as any user may.
const LAYERS: &str = "ro,userxattr,lowerdir=build-layer:clean";

fn mke2fs(from: &str, uuid: &str, file: &str) -> Vec<String> {
    // Inode tables are written now, or every guest's kernel would fill its overlay with zeros for them. One inode for
    // 64 KiB, four times as many as a build needs, keeps them small.
    let extended = format!("root_owner=0:0,lazy_itable_init=0,hash_seed={uuid}");
    let arguments =
        ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-i", "65536", "-m", "0", "-O", FEATURES];
    let arguments = arguments.into_iter().chain(["-E", &extended, "-U", uuid, "-d", from, file, SIZE]);
    arguments.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{MOUNT, mke2fs};
    use insta::assert_snapshot;

    #[test]
    fn asks_mke2fs_for_this() {
        let arguments = mke2fs(MOUNT, "ffffffff-ffff-8fff-bfff-ffffffffffff", ".new-build.ext4");
        assert_snapshot!(arguments.join(" "));
    }
}
