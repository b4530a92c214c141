//! The times in an exported file system: `mke2fs` copies them from the store, where they are the times of vmbuild's
//! own writes and of later reads.

use super::job::ExportJob;
use super::partitions::ROOT_START;
use super::{ExportError, tree};
use crate::host_tool::HostProgram;

/// Prints the path of every file below the mounted tree, from its root, with the seconds of its last change.
const LIST: &str = r#"cd "$1" && find . -printf '%T@ %P\0' >../times.list"#;

/// Sets each file's times of creation, access and inode change to the fixed one, and its modification time too if
/// it is later.
pub(super) async fn set_fixed_times(job: &ExportJob<'_>) -> Result<(), ExportError> {
    let arguments = ["-c", LIST, "list", tree::MOUNT].map(str::to_owned).to_vec();
    job.tree.run(HostProgram { name: "sh", package: "dash" }, arguments, job.cancel).await?;
    let list = fs_err::read(job.work("times.list"))?;
    fs_err::write(job.work("times.debugfs"), script(&String::from_utf8_lossy(&list)))?;
    let disk = format!("disk.raw?offset={ROOT_START}");
    let arguments = ["-w", "-f", "times.debugfs", &disk].map(str::to_owned).to_vec();
    Ok(job.tree.run(HostProgram { name: "debugfs", package: "e2fsprogs" }, arguments, job.cancel).await?)
}

/// Commands for debugfs, from `seconds path` entries that end with a zero byte. Source: debugfs(8),
/// `set_inode_field`. A name with a quote or a line break cannot be written there, and keeps its times.
fn script(list: &str) -> String {
    let epoch = crate::golden::EPOCH;
    let limit: f64 = epoch.parse().unwrap_or(0.0);
    let entries = list.split_terminator('\0').filter_map(|entry| entry.split_once(' '));
    let writable = entries.filter(|(_, path)| !path.contains(['"', '\n']));
    let commands = writable.map(|(time, path)| {
        let later = time.parse::<f64>().is_ok_and(|time| time > limit);
        let fields = ["ctime", "atime", "mtime"].into_iter().take(if later { 3 } else { 2 });
        fields.map(|field| format!("sif \"/{path}\" {field} @{epoch}\n")).collect::<Vec<_>>().concat()
    });
    let found = commands.collect::<String>();
    // mke2fs made this folder itself.
    let own = ["ctime", "atime", "mtime"].map(|field| format!("sif /lost+found {field} @{epoch}\n"));
    found + &own.concat()
}

#[cfg(test)]
mod tests {
    use super::script;
    use insta::assert_snapshot;

    #[test]
    fn later_times_are_replaced() {
        assert_snapshot!(script("1700000001.5 \u{0}1600000000.0 etc/a b\u{0}1 odd\"name\u{0}"));
    }
}
