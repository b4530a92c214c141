//! The result of a job, as data.

use crate::file_name::JobFileName;
use crate::kind::Measurement;
use crate::spec::JobSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use vmbuild_archive::Sha256;
use vmbuild_core::event::StageTime;
use vmbuild_core::store::write_atomically;

/// File in a job's folder that holds its result.
pub(crate) const RESULT: &str = "result.json";

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobResult {
    /// The form of this data.
    pub schema: JobSchema,
    /// Kind of the job.
    pub kind: String,
    /// Digest of its description.
    pub spec_sha256: Sha256,
    /// How it ended.
    pub outcome: JobOutcome,
    /// Source of its outputs: its own machines or an earlier run.
    pub origin: JobOrigin,
    /// Its outputs, by name; empty if it failed before they were fetched.
    pub outputs: BTreeMap<JobFileName, JobFile>,
    /// Its logs, by file name.
    pub logs: BTreeMap<String, Sha256>,
    /// Time of each stage, in order, of the run that made the outputs.
    pub stages: Vec<JobStage>,
    /// When and where that run was, if it got as far as its outputs.
    pub measured: Option<JobMeasured>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum JobOutcome {
    /// Every step and every check succeeded.
    Passed,
    /// A step or a check failed.
    Failed {
        /// Phase that failed: the step's name, or `check` and the step's name.
        phase: String,
        /// The chain of causes, outermost first.
        cause: Vec<String>,
    },
}

/// Where a result's outputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobOrigin {
    /// The steps ran.
    Ran,
    /// An earlier run of the same description left them.
    Cache,
}

/// A file, by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Time of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobStage {
    /// Its name.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// When a job ran and where, as its result says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobMeasured {
    /// Start of the work, in UTC.
    pub began: String,
    /// The backend, such as `sandbox`.
    pub backend: String,
    /// The accelerator under QEMU, else `none`.
    pub accelerator: String,
    /// The guest's kernel.
    pub kernel: String,
    /// Model of its first processor.
    pub cpu_model: String,
}

impl JobResult {
    /// Writes it into the job's folder, by rename.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        write_atomically(&folder.join(RESULT), &text)
    }

    /// True if everything succeeded.
    pub fn passed(&self) -> bool {
        self.outcome == JobOutcome::Passed
    }
}

impl JobFile {
    /// The digest of a file. Blocks.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let (bytes, sha256) = vmbuild_archive::sha256_file(path)?;
        Ok(Self { sha256: sha256.into(), bytes })
    }
}

impl From<StageTime> for JobStage {
    fn from(time: StageTime) -> Self {
        Self { name: time.stage, seconds: time.seconds }
    }
}

impl From<Measurement> for JobMeasured {
    fn from(measured: Measurement) -> Self {
        let Measurement { began, backend, accelerator, kernel, cpu_model } = measured;
        Self { began: format!("{began:.0}"), backend, accelerator, kernel, cpu_model }
    }
}
