//! `build`: source in, artifact out, validated in between. `plan` and `reproduce` share its parts.

mod attestations;
mod cpython_error;
mod cpython_job;
mod debug_info;
mod emulated_training;
mod flavour;
mod observe;
mod packages;
mod profile_data;
mod publish;
mod request;
mod reuse;

pub(crate) use cpython_job::{CompiledArtifact, CpythonBuild};
pub(crate) use emulated_training::EmulatedTraining;
pub(crate) use flavour::check_tools;
pub(crate) use profile_data::{of_artifact as profile_of_artifact, planned_with};
pub(crate) use publish::keep_logs;
pub use publish::{BuildOutcome, PublishedBuild, RejectedBuild, build};
pub use request::{BuildInputs, BuildRequest};
pub(crate) use request::{ObtainedInputs, ResolvedRequest};
