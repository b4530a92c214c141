//! The debug info that a recipe split off: brought out of the machine, in the form in which it is published.

use super::compile::{BuildContext, WORK};
use vmbuild_artifact::{ArtifactError, DebugInfo};
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_cpython::{Recipe, layout};
use vmbuild_guest::Session;
use vmbuild_protocol::Pack;

/// Leaves it in the staging folder.
pub(super) async fn publish(build: BuildContext<'_>, session: &Session, recipe: &Recipe) -> Result<DebugInfo, Failure> {
    let phase = build.context.events.phase(Part::Pack, "debug info", "");
    let packed = format!("{WORK}/debug.tgz");
    let request = Pack { root: recipe.debug_info.clone(), to: packed.clone(), mtime: layout::MTIME };
    session.pack(request, &build.context.cancel).await?;
    let to = build.staging.debug_info();
    let fetched = to.with_extension("tgz");
    session.get_file(&packed, &fetched, &build.context.cancel, |_| ()).await?;
    let made = tokio::task::spawn_blocking(move || {
        let made = DebugInfo::publish(&fetched, &to);
        // In the way of nobody: the staging folder goes, and this with it.
        let _ = fs_err::remove_file(&fetched);
        made
    });
    let made = made.await.map_err(std::io::Error::other).and_then(|made| made).map_err(ArtifactError::Io)?;
    phase.finish(size(made.bytes));
    Ok(made)
}
