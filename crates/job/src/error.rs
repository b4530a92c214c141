//! Why a job did not end well, and in which phase.

use crate::file_name::JobFileName;
use crate::spec::SpecError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_guest::SessionError;

/// Why a job cannot be run, or its outputs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Its description.
    #[error("invalid job")]
    Spec(#[from] SpecError),
    /// An input was not provided.
    #[error("missing input `{0}`")]
    InputMissing(JobFileName),
    /// An input cannot be read.
    #[error("failed to read input `{}`", path.display())]
    InputUnreadable {
        /// Its path.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// An input is not the one that was described.
    #[error("input `{name}` has sha256 {found}, expected {expected}")]
    InputMismatch {
        /// Its name.
        name: JobFileName,
        /// Digest in the description.
        expected: Sha256,
        /// Digest of the file.
        found: Sha256,
    },
    /// The golden machine is not the one that was described.
    #[error("image `{image}` is {found} on this host, the job is for {expected}")]
    OtherImage {
        /// The image's name.
        image: String,
        /// Digest in the description.
        expected: String,
        /// Digest on this host.
        found: String,
    },
    /// The machine is not of the kind that was planned for.
    #[error("the plan is for {planned}, the machine is {found}")]
    OtherArchitecture {
        /// Architecture in the description.
        planned: String,
        /// Architecture that the machine reports.
        found: String,
    },
    /// The job's folder or the cache.
    #[error("failed to keep the job's files")]
    Files(#[from] io::Error),
}

impl Diagnose for JobError {
    fn exit(&self) -> Exit {
        match self {
            Self::Spec(_) | Self::InputMissing(_) | Self::InputUnreadable { .. } => Exit::Usage,
            Self::InputMismatch { .. } | Self::OtherImage { .. } => Exit::Integrity,
            Self::OtherArchitecture { .. } | Self::Files(_) => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::OtherImage { .. } => {
                vec!["`--locked` makes the image of exactly the packages in its lock file".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// A step failed.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed{}", if tail.is_empty() { String::new() } else { format!("; its last lines:\n{tail}") })]
pub struct StepFailed {
    /// Its name.
    pub step: String,
    /// Its last lines.
    pub tail: String,
    /// The agent's answer.
    #[source]
    pub source: SessionError,
}

impl Diagnose for StepFailed {
    fn exit(&self) -> Exit {
        self.source.exit()
    }

    fn hints(&self) -> Vec<String> {
        let whole = format!("the step's whole output is in {}.log among the kept logs", self.step);
        self.source.hints().into_iter().chain([whole]).collect()
    }
}

/// Why steps did not run to their end.
#[derive(Debug, thiserror::Error)]
pub enum StepsError {
    /// One of them failed.
    #[error(transparent)]
    Step(#[from] StepFailed),
    /// The session, in no particular step.
    #[error(transparent)]
    Session(SessionError),
}

impl Diagnose for StepsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Step(error) => error.exit(),
            Self::Session(error) => error.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Step(error) => error.hints(),
            Self::Session(error) => error.hints(),
        }
    }
}

/// Phase of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum JobPhase {
    /// The machine starts.
    #[default]
    Boot,
    /// Inputs are sent.
    Inputs,
    /// Steps run.
    Steps,
    /// This step runs.
    Step(String),
    /// Outputs are examined, packed and fetched.
    Outputs,
    /// This phase of the second machine.
    Checks(Box<Self>),
}

impl fmt::Display for JobPhase {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot => to.write_str("boot"),
            Self::Inputs => to.write_str("inputs"),
            Self::Steps => to.write_str("steps"),
            Self::Step(step) => to.write_str(step),
            Self::Outputs => to.write_str("outputs"),
            Self::Checks(phase) => write!(to, "check {phase}"),
        }
    }
}

/// A failure, and the phase that it ended.
#[derive(Debug)]
pub struct JobFailure {
    /// The phase.
    pub phase: JobPhase,
    /// The error itself.
    pub failure: Failure,
}
