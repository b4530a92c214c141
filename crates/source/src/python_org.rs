//! A source from python.org, or from what has its layout.

use crate::SourceError;
use crate::quest::{Quest, Step, Trail};
use crate::request::Origin;
use crate::settings::below;
use vmbuild_cpython::release::python_org_path;

/// Tries the expected archives one after the other.
pub(super) async fn obtain(quest: &Quest<'_>, trail: &mut Trail) -> Result<Step, SourceError> {
    for wanted in &quest.expected.archives {
        let path = python_org_path(&quest.expected.version, &wanted.file);
        let url = below(&quest.settings.python_org, &path);
        match quest.download(&url, wanted.sha256, Origin::PythonOrg, trail).await? {
            Step::NotHere => {}
            settled => return Ok(settled),
        }
    }
    Ok(Step::NotHere)
}
