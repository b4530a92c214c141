//! Sources from python.org, or from a mirror with its layout.

use crate::SourceError;
use crate::request::SourceOrigin;
use crate::resolver::{FailedAttempts, PlaceOutcome, SourceResolver};
use crate::settings::below;
use vmbuild_cpython::release::python_org_path;

/// Tries the expected archives one after the other.
pub(super) async fn fetch_from_python_org(
    resolver: &SourceResolver<'_>,
    failed: &mut FailedAttempts,
) -> Result<PlaceOutcome, SourceError> {
    for wanted in &resolver.expected.archives {
        let path = python_org_path(&resolver.expected.version, &wanted.file);
        let url = below(&resolver.settings.python_org, &path);
        match resolver.download(&url, wanted.sha256, SourceOrigin::PythonOrg, failed).await? {
            PlaceOutcome::NotHere => {}
            settled => return Ok(settled),
        }
    }
    Ok(PlaceOutcome::NotHere)
}
