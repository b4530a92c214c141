//! One function per verb, without a command line.
//!
//! Each takes a [`Context`] and a typed request, emits events on its way, and returns an outcome as data. A program
//! parses its arguments into the request and prints the outcome; a daemon does the same with messages.

mod artifact_file;
mod build;
mod diff;
pub mod doctor;
mod plan;
mod reproduce;
mod validate;
mod versions;

pub use build::{BuildInputs, BuildOutcome, BuildRequest, PublishedBuild, RejectedBuild, build};
pub use diff::{DiffOutcome, DiffRequest, DiffSide, diff};
pub use plan::{PlanOutcome, PlanRequest, plan};
pub use reproduce::{Comparison, ReproduceRequest, reproduce};
pub use validate::{ValidateOutcome, ValidateRequest, validate};
pub use versions::{KnownVersion, KnownVersions, versions};

use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;

/// Removes everything that killed processes left behind.
pub(crate) async fn sweep_left_overs(context: &Context) -> Result<(), Failure> {
    Ok(vmbuild_machine::sweep(&context.store, &context.events, &context.cancel).await.map_err(StoreError::Io)?)
}
