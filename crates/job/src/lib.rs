//! Jobs: work as data, run in throw-away machines.
//!
//! The problem: an interpreter, a wheel, a release bundle and a cell of a matrix are made in the same way. Inputs known
//! by digest go into a fresh machine of a pinned image, steps run there, outputs come out under their digests, and a
//! second, clean machine checks them. Everything that holds for one should hold for all.
//!
//! [`JobSpec`] is such a job as data, and [`run_job`] runs it: from the cache, or in machines. A kind of job that needs
//! more than data implements [`JobKind`] and runs on the same parts: [`run_kind`], [`JobMachine`], [`JobGuest`].
//!
//! ```text
//! <folder>/outputs/<name>        what came out, by the names in the specification
//! <folder>/logs/<step>.log       output of each step
//! <folder>/logs/check-<step>.log output of each step in the clean machine
//! <folder>/logs/serial.log       the machine's console, if the job failed
//! <folder>/result.json           the outcome; appears last, by rename
//! ```

mod cache;
mod error;
mod evidence;
mod file_name;
mod follower;
mod guest;
mod kind;
mod machine;
mod machine_setup;
mod result;
mod run;
mod spec;
mod spec_job;
mod vagrant_box;

pub use cache::JobCache;
pub use error::{JobError, JobFailure, JobPhase, StepFailed, StepsError};
pub use evidence::{Evidence, SavedFile};
pub use file_name::{JobFileName, JobFileNameError};
pub use follower::{StepLogs, stage_times};
pub use guest::JobGuest;
pub use kind::{JobKind, KindRun, Measurement, StepsRun, run_kind};
pub use machine::{JobMachine, JobPlace};
pub use machine_setup::{DEFAULT_MEMORY_MIB, MachineRequest, MachineSetup};
pub use result::{JobFile, JobMeasured, JobOrigin, JobOutcome, JobResult, JobStage};
pub use run::{CacheUse, JobRequest, run_job};
pub use spec::{ImagePin, JobChecks, JobInput, JobOutput, JobSchema, JobSpec, MachineRole, OutputForm, SpecError};
pub use vagrant_box::VagrantRequest;
