//! A source from python.org, or from what has its layout.

use crate::SourceError;
use crate::request::SourceOrigin;
use crate::resolver::{Attempts, PlaceOutcome, SourceResolver};
use crate::settings::below;
use vmbuild_cpython::release::python_org_path;

/// Tries the expected archives one after the other.
pub(super) async fn obtain(quest: &SourceResolver<'_>, trail: &mut Attempts) -> Result<PlaceOutcome, SourceError> {
    for wanted in &quest.expected.archives {
        let path = python_org_path(&quest.expected.version, &wanted.file);
        let url = below(&quest.settings.python_org, &path);
        match quest.download(&url, wanted.sha256, SourceOrigin::PythonOrg, trail).await? {
            PlaceOutcome::NotHere => {}
            settled => return Ok(settled),
        }
    }
    Ok(PlaceOutcome::NotHere)
}
