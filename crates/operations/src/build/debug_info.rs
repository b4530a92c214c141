//! The debug info that a recipe split off: brought out of the machine, in the form in which it is published.

use super::cpython_job::{CpythonBuild, WORK};
use vmbuild_artifact::{ArtifactError, DebugInfo};
use vmbuild_core::blocking;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_cpython::{Recipe, layout};
use vmbuild_job::JobGuest;
use vmbuild_protocol::Pack;

/// Leaves it in the staging folder.
pub(super) async fn publish(
    build: CpythonBuild<'_>,
    guest: JobGuest<'_>,
    recipe: &Recipe,
) -> Result<DebugInfo, Failure> {
    let phase = build.context.events.phase(Part::Pack, "debug info", "");
    let packed = format!("{WORK}/debug.tgz");
    let pack = Pack { root: recipe.debug_info.clone(), to: packed, mtime: layout::MTIME };
    let to = build.staging.debug_info();
    let fetched = to.with_extension("tgz");
    guest.fetch_packed(&phase, pack, &fetched).await?;
    let made = blocking(move || {
        let made = DebugInfo::publish(&fetched, &to);
        // It is in nobody's way: the staging folder is removed with it.
        let _ = fs_err::remove_file(&fetched);
        made
    });
    let made = made.await.map_err(ArtifactError::Io)?;
    phase.finish(size(made.bytes));
    Ok(made)
}
