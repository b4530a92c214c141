//! `vmbuild doctor`: what this host lacks.

use super::context::Context;
use super::program::Ending;
use crate::doctor::{Status, examine};
use crate::failure::{Exit, Failure};
use crate::report;

/// Prints every finding; fails if one of them does.
pub(crate) async fn doctor(context: &Context) -> Result<Ending, Failure> {
    let findings = examine(&context.store, &context.cancel).await;
    let failed = findings.iter().any(|finding| finding.status == Status::Fail);
    report::findings(&findings, context.json);
    Ok(if failed { Exit::Environment } else { Exit::Success }.into())
}
