//! `vmbuild doctor`: what this host lacks.

use super::context::Context;
use super::program::Ending;
use crate::doctor::{Status, examine};
use crate::failure::{Exit, Failure};
use crate::report::{self, Paint};
use std::io::IsTerminal;

/// Prints every finding; fails if one of them does.
pub(crate) async fn doctor(context: &Context) -> Result<Ending, Failure> {
    let findings = examine(&context.store, &context.cancel).await;
    let failed = findings.iter().any(|finding| finding.status == Status::Fail);
    let text = if context.json {
        report::finding_json(&findings)
    } else {
        report::finding_table(&findings, Paint::choose(std::io::stdout().is_terminal()))
    };
    report::to_stdout(&text).map_err(crate::store::StoreError::Io)?;
    Ok(if failed { Exit::Environment } else { Exit::Success }.into())
}
