//! One function per verb, without a command line.
//!
//! Each takes a [`Context`](vmbuild_core::context::Context) and a plain request, emits events while it works, and returns
//! an outcome or a [`Failure`](vmbuild_core::failure::Failure). Output of guest programs goes to a sink that the caller
//! hands over. The command line and a daemon call the same functions; neither prints nor exits here.

mod clean;
mod cp;
mod destroy;
pub mod doctor;
mod exec;
mod halt;
pub mod image;
mod interactive;
mod list;
mod logs;
mod named;
mod port;
mod provision;
mod reload;
mod status;
mod sweep;
mod up;

pub use clean::{CleanOutcome, CleanRequest, clean};
pub use cp::{CopyDirection, CopyOutcome, CopyRequest, cp};
pub use destroy::{DestroyOutcome, DestroyRequest, destroy};
pub use doctor::{DoctorOutcome, DoctorRequest, doctor};
pub use exec::{ExecOutcome, ExecRequest, exec};
pub use halt::{HaltOutcome, HaltRequest, halt};
pub use interactive::{InteractiveRequest, interactive};
pub use list::{ListOutcome, ListRequest, list};
pub use logs::{LogsOutcome, LogsRequest, logs};
pub use port::{PortOutcome, PortRequest, port};
pub use provision::{ProvisionOutcome, ProvisionRequest, provision};
pub use reload::{ReloadOutcome, ReloadRequest, reload};
pub use status::{AgentStatus, GuestStatus, MachineStatus, QemuReport, StatusOutcome, StatusRequest, status};
pub use sweep::sweep;
pub use up::{UpOutcome, UpRequest, up};
