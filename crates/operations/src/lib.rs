//! One function per verb, without a command line.
//!
//! Each takes a [`Context`](vmbuild_core::context::Context) and a typed request, emits events while it works, and returns
//! an outcome as data or a [`Failure`](vmbuild_core::failure::Failure). Output of guest programs goes to a sink that the
//! caller hands over. The command line and a daemon call the same functions; neither prints nor exits here.

mod artifact_file;
mod build;
mod clean;
mod cp;
mod destroy;
mod diff;
pub mod doctor;
mod exec;
mod halt;
pub mod image;
mod interactive;
mod list;
mod logs;
mod named;
mod plan;
mod port;
mod provision;
mod reload;
mod reproduce;
mod status;
mod sweep;
mod up;
mod validate;
mod versions;

pub use build::{BuildInputs, BuildOutcome, BuildRequest, PublishedBuild, RejectedBuild, build};
pub use clean::{CleanOutcome, CleanRequest, clean};
pub use cp::{CopyDirection, CopyOutcome, CopyRequest, cp};
pub use destroy::{DestroyOutcome, DestroyRequest, destroy};
pub use diff::{DiffOutcome, DiffRequest, DiffSide, diff};
pub use doctor::{DoctorOutcome, DoctorRequest, doctor};
pub use exec::{ExecOutcome, ExecRequest, exec};
pub use halt::{HaltOutcome, HaltRequest, halt};
pub use interactive::{InteractiveRequest, interactive};
pub use list::{ListOutcome, ListRequest, list};
pub use logs::{LogsOutcome, LogsRequest, logs};
pub use plan::{PlanOutcome, PlanRequest, plan};
pub use port::{PortOutcome, PortRequest, port};
pub use provision::{ProvisionOutcome, ProvisionRequest, provision};
pub use reload::{ReloadOutcome, ReloadRequest, reload};
pub use reproduce::{ReproduceComparison, ReproduceRequest, reproduce};
pub use status::{AgentStatus, GuestStatus, MachineStatus, QemuReport, StatusOutcome, StatusRequest, status};
pub use sweep::sweep;
pub use up::{UpOutcome, UpRequest, up};
pub use validate::{ValidateOutcome, ValidateRequest, validate};
pub use versions::{KnownVersion, KnownVersions, versions};
