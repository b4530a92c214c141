//! One number for a whole tree, so that two makings of an image can be compared.
//!
//! A tree made by an ordinary user belongs to subordinate ids, and parts of it cannot be read by that user. So the
//! tree is looked at from inside a namespace, where owners are what they will be in a machine: this same program is
//! started there again, under a hidden name. It writes a list, one entry a line; the number is the list's SHA-256.
//! The list stays beside the tree: where two trees differ, `diff` says in which files.

mod list;

use super::disk::over_tree;
use super::folder::GoldenFolder;
use super::host_tool::{HostTool, text};
use super::{ImageError, Role};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_machine::sandbox::{NamespaceError, helper_program};
use vmbuild_supervise::{Ended, RunError};

/// The exit code of a process that wrote into the list why there is none.
const REASON_GIVEN: i32 = 3;

/// The hidden first argument.
const MARKER: &str = "internal-list-tree";

/// SHA-256 (hex) of the list of a tree's entries: path, kind, mode, owner, time, size and content or target or
/// device, extended attributes. The list is written to `list`. Takes a few seconds for a golden machine.
pub async fn tree_digest(tree: &Path, list: &Path, cancel: &CancellationToken) -> Result<String, ImageError> {
    let folder = tree.parent().unwrap_or(tree);
    let words = [MARKER.to_owned(), text(tree)?, text(list)?];
    let ran = HostTool::at(&helper_program()?, folder)?.args(words).run(cancel, |_| ()).await;
    with_reason(ran.map(drop), list)?;
    digest_of(list).await
}

/// The same for what a role sees: the layers as one tree.
pub(super) async fn role_digest(
    folder: &GoldenFolder,
    role: Role,
    cancel: &CancellationToken,
) -> Result<String, ImageError> {
    role_digest_into(folder, role, &folder.list(role), cancel).await
}

/// The same, with the list in another place than beside the tree.
pub(super) async fn role_digest_into(
    folder: &GoldenFolder,
    role: Role,
    list: &Path,
    cancel: &CancellationToken,
) -> Result<String, ImageError> {
    let words = |tree| Ok(vec![text(&helper_program()?)?, MARKER.to_owned(), tree, text(list)?]);
    with_reason(over_tree(folder, role, words, cancel, &[]).await, list)?;
    digest_of(list).await
}

/// The name in a line of a list.
pub(super) fn name_in(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(name, _)| name)
}

fn with_reason(ran: Result<(), ImageError>, list: &Path) -> Result<(), ImageError> {
    let Err(ImageError::Namespace(NamespaceError::Run(RunError::Failed { ended: Ended::Code(REASON_GIVEN), .. }))) =
        ran
    else {
        return ran;
    };
    let reason = fs_err::read_to_string(list)?;
    Err(std::io::Error::other(reason.trim_end().to_owned()).into())
}

async fn digest_of(list: &Path) -> Result<String, ImageError> {
    let list = list.to_owned();
    let hashed = tokio::task::spawn_blocking(move || vmbuild_archive::sha256_file(&list)).await;
    Ok(hex::encode(hashed.map_err(std::io::Error::other)??.1))
}

/// The hidden entry: returns at once unless this process was started to list a tree.
pub fn internal_entry() {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_none_or(|word| word != MARKER) {
        return;
    }
    let (Some(tree), Some(file)) = (words.next(), words.next()) else { return };
    let written = list::write(Path::new(&tree), Path::new(&file));
    let code = match written {
        Ok(()) => 0,
        // The starter looks there for the reason; if that fails too, the exit code has to do.
        Err(error) => fs_err::write(&file, format!("{error}\n")).map_or(4, |()| REASON_GIVEN),
    };
    #[expect(clippy::exit, reason = "this process is not the program people run")]
    std::process::exit(code);
}
