//! One digest for a whole tree, so that two builds of an image can be compared.
//!
//! A tree made by an ordinary user belongs to subordinate ids, and parts of it cannot be read by that user. So the
//! tree is read from inside a namespace, where owners are as they will be in a machine: this same program is started
//! there again, under a hidden name. It writes a list, one entry a line; the digest is the list's SHA-256. The list
//! stays next to the tree: where two trees differ, `diff` shows the files.

mod list;

use super::GoldenRole;
use super::disk::run_over_tree;
use super::folder::GoldenFolder;
use crate::ImageError;
use crate::host_tool::{HostTool, HostToolError, path_text};
use std::path::Path;
use tokio_util::sync::CancellationToken;
use vmbuild_machine::sandbox::{NamespaceError, helper_program};
use vmbuild_supervise::{ChildEnd, RunError};

/// The exit code of a process that wrote its error into the list.
const REASON_GIVEN: i32 = 3;

/// The hidden first argument.
const MARKER: &str = "internal-list-tree";

/// SHA-256 (hex) of the list of a tree's entries: path, kind, mode, owner, time, size and content or target or
/// device, extended attributes. The list is written to `list`. Takes a few seconds for a golden machine.
pub async fn tree_digest(tree: &Path, list: &Path, cancel: &CancellationToken) -> Result<String, ImageError> {
    let folder = tree.parent().unwrap_or(tree);
    let arguments = [MARKER.to_owned(), path_text(tree)?, path_text(list)?];
    let ran = HostTool::at(&helper_program()?, folder)?.args(arguments).run(cancel, |_| ()).await;
    with_reason(ran.map(drop), list)?;
    digest_of(list).await
}

/// The digest of a role's tree: the layers as one.
pub(crate) async fn role_digest(
    folder: &GoldenFolder,
    role: GoldenRole,
    cancel: &CancellationToken,
) -> Result<String, ImageError> {
    role_digest_into(folder, role, &folder.list(role), cancel).await
}

/// The digest of a role's tree, with the list at another path.
pub(crate) async fn role_digest_into(
    folder: &GoldenFolder,
    role: GoldenRole,
    list: &Path,
    cancel: &CancellationToken,
) -> Result<String, ImageError> {
    let arguments = |tree| Ok(vec![path_text(&helper_program()?)?, MARKER.to_owned(), tree, path_text(list)?]);
    with_reason(run_over_tree(folder, role, arguments, cancel, &[]).await, list)?;
    digest_of(list).await
}

/// The name in a line of a list.
pub(crate) fn name_in(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(name, _)| name)
}

fn with_reason(ran: Result<(), ImageError>, list: &Path) -> Result<(), ImageError> {
    let Err(ImageError::Tool(HostToolError::Namespace(NamespaceError::Run(failure)))) = &ran else { return ran };
    let RunError::Failed { ended: ChildEnd::Code(REASON_GIVEN), .. } = failure else { return ran };
    let reason = fs_err::read_to_string(list)?;
    Err(std::io::Error::other(reason.trim_end().to_owned()).into())
}

async fn digest_of(list: &Path) -> Result<String, ImageError> {
    let list = list.to_owned();
    let (_, sha256) = vmbuild_core::blocking(move || vmbuild_archive::sha256_file(&list)).await?;
    Ok(hex::encode(sha256))
}

/// The hidden entry: returns immediately unless this process was started to list a tree.
pub fn internal_entry() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|word| word != MARKER) {
        return;
    }
    let (Some(tree), Some(file)) = (arguments.next(), arguments.next()) else { return };
    let written = list::write(Path::new(&tree), Path::new(&file));
    let code = match written {
        Ok(()) => 0,
        // The parent reads the reason from there; if that fails too, the exit code has to do.
        Err(error) => fs_err::write(&file, format!("{error}\n")).map_or(4, |()| REASON_GIVEN),
    };
    #[expect(clippy::exit, reason = "this process is not the program people run")]
    std::process::exit(code);
}
