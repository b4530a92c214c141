//! A job as data: everything that determines its outputs, with one digest.

use crate::file_name::{JobFileName, is_plain};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::io;
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_protocol::Steps;

/// A job: inputs by digest, an image, steps, outputs, and checks in a second, clean machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The form of this data.
    pub schema: JobSchema,
    /// Kind of job, such as `wheel`.
    pub kind: String,
    /// Files that go into the machine before the first step.
    pub inputs: Vec<JobInput>,
    /// Image of the machine that runs the steps.
    pub image: ImagePin,
    /// Steps, in order.
    pub steps: Steps,
    /// Files and trees that come out after the last step.
    pub outputs: Vec<JobOutput>,
    /// Checks of the outputs, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<JobChecks>,
}

/// A file that a job starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobInput {
    /// Name under which the caller provides it.
    pub name: JobFileName,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub bytes: u64,
    /// Absolute path in the guest.
    pub guest_path: String,
    /// Permission bits in the guest.
    pub mode: u32,
}

/// An image, pinned to the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagePin {
    /// Its name, such as `debian-12`.
    pub name: String,
    /// Role of its golden machine.
    pub role: MachineRole,
    /// Digest of its golden machine.
    pub digest: String,
    /// SHA-256 of the list of installed packages.
    pub packages_sha256: Sha256,
    /// Architecture, as `uname -m` prints it.
    pub arch: String,
}

/// Role of a golden machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineRole {
    /// Toolchain and development packages.
    Build,
    /// Neither compiler nor development packages.
    Clean,
}

/// A file or tree that a job makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobOutput {
    /// Name that it has among the outputs.
    pub name: JobFileName,
    /// Absolute path in the guest.
    pub guest_path: String,
    /// Form in which it comes out.
    pub form: OutputForm,
}

/// Form in which an output leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OutputForm {
    /// A file, as it is.
    File {
        /// Permission bits that it gets in the machine that checks it.
        mode: u32,
    },
    /// A folder, packed as a normalised archive.
    Tree {
        /// Time that every entry carries, in seconds since the Unix epoch.
        mtime: u64,
    },
}

/// Checks of a job's outputs in a machine that did not make them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobChecks {
    /// Image of the machine.
    pub image: ImagePin,
    /// Absolute folder in the guest that gets the outputs, by their names.
    pub folder: String,
    /// Steps that fail if an output is not as it must be.
    pub steps: Steps,
}

/// Version of the form of [`JobSpec`] and [`JobResult`](crate::JobResult): 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct JobSchema;

/// A job that cannot be run as it is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Two inputs, outputs or steps share a name.
    #[error("job names `{0}` twice")]
    Repeated(String),
    /// A step's name cannot name its log.
    #[error("invalid step name `{0}` (expected letters, digits and `._+-`)")]
    StepName(String),
    /// A path in the guest is relative.
    #[error("guest path `{0}` is not absolute")]
    Relative(String),
    /// A job without outputs does nothing that anybody could use.
    #[error("job has no outputs")]
    NoOutputs,
}

impl Diagnose for SpecError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl From<JobSchema> for u32 {
    fn from(_: JobSchema) -> Self {
        1
    }
}

impl TryFrom<u32> for JobSchema {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number == 1 { Ok(Self) } else { Err(format!("unknown schema {number} (expected 1)")) }
    }
}

impl From<MachineRole> for GoldenRole {
    fn from(role: MachineRole) -> Self {
        match role {
            MachineRole::Build => Self::Build,
            MachineRole::Clean => Self::Clean,
        }
    }
}

impl From<GoldenRole> for MachineRole {
    fn from(role: GoldenRole) -> Self {
        match role {
            GoldenRole::Build => Self::Build,
            GoldenRole::Clean => Self::Clean,
        }
    }
}

impl ImagePin {
    /// The pin of a golden machine on this host. Blocks for a moment.
    pub fn of(golden: &Golden) -> io::Result<Self> {
        let (_, packages) = vmbuild_archive::sha256_file(&golden.packages())?;
        Ok(Self {
            name: golden.image().to_owned(),
            role: golden.role().into(),
            digest: golden.digest().to_owned(),
            packages_sha256: packages.into(),
            arch: std::env::consts::ARCH.to_owned(),
        })
    }
}

impl JobSpec {
    /// The one text of this job: JSON without spaces, fields in their order here.
    #[expect(clippy::missing_panics_doc, reason = "serialising plain data cannot fail")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data with text keys always becomes JSON")
    }

    /// SHA-256 of [`Self::to_json`]: the job's name in the cache.
    pub fn digest(&self) -> Sha256 {
        let digest: [u8; 32] = sha2::Sha256::digest(self.to_json().as_bytes()).into();
        Sha256(digest)
    }

    /// Refuses a description that cannot be followed.
    pub fn check(&self) -> Result<(), SpecError> {
        if self.outputs.is_empty() {
            return Err(SpecError::NoOutputs);
        }
        unique(self.inputs.iter().map(|input| input.name.as_str()))?;
        unique(self.outputs.iter().map(|output| output.name.as_str()))?;
        let checks = self.checks.as_ref();
        for steps in [Some(&self.steps), checks.map(|checks| &checks.steps)].into_iter().flatten() {
            unique(steps.steps.iter().map(|step| step.name.as_str()))?;
            let odd = steps.steps.iter().find(|step| !is_plain(&step.name));
            odd.map_or(Ok(()), |step| Err(SpecError::StepName(step.name.clone())))?;
        }
        let inputs = self.inputs.iter().map(|input| &input.guest_path);
        let outputs = self.outputs.iter().map(|output| &output.guest_path);
        let relative =
            inputs.chain(outputs).chain(checks.map(|checks| &checks.folder)).find(|path| !path.starts_with('/'));
        relative.map_or(Ok(()), |path| Err(SpecError::Relative(path.clone())))
    }
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), SpecError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(SpecError::Repeated(name.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
