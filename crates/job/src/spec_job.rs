//! A job that is data alone, as a kind.

use crate::error::JobError;
use crate::file_name::JobFileName;
use crate::guest::JobGuest;
use crate::kind::{JobKind, StepsRun};
use crate::result::JobFile;
use crate::spec::{JobOutput, JobSpec, OutputForm};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_core::format::size;
use vmbuild_protocol::{Digest, Facts, Pack, Steps};

/// A description with the files that it names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpecJob<'a> {
    pub(crate) spec: &'a JobSpec,
    pub(crate) inputs: &'a BTreeMap<JobFileName, PathBuf>,
    /// Folder for the outputs.
    pub(crate) outputs: &'a Path,
}

impl JobKind for SpecJob<'_> {
    type Prepared = ();
    type Made = BTreeMap<JobFileName, JobFile>;

    fn arch(&self) -> &str {
        &self.spec.image.arch
    }

    async fn prepare(&self, guest: JobGuest<'_>, _facts: &Facts) -> Result<(), Failure> {
        for input in &self.spec.inputs {
            let from = self.inputs.get(&input.name).ok_or_else(|| JobError::InputMissing(input.name.clone()))?;
            let phase = guest.context.events.phase(Part::Source, "send", input.name.as_str());
            let sent = file_of(guest.send(&phase, from, &input.guest_path, input.mode).await?);
            // It was hashed before the machine was started; what arrived is what counts.
            if sent.sha256 != input.sha256 {
                let (name, expected) = (input.name.clone(), input.sha256);
                return Err(JobError::InputMismatch { name, expected, found: sent.sha256 }.into());
            }
            phase.finish(size(sent.bytes));
        }
        Ok(())
    }

    fn steps<'a>(&'a self, (): &'a ()) -> &'a Steps {
        &self.spec.steps
    }

    async fn collect(&self, guest: JobGuest<'_>, (): &(), _run: StepsRun<'_>) -> Result<Self::Made, Failure> {
        let mut outputs = BTreeMap::new();
        for output in &self.spec.outputs {
            let file = fetch(guest, output, &self.outputs.join(output.name.as_str())).await?;
            outputs.insert(output.name.clone(), file);
        }
        Ok(outputs)
    }
}

async fn fetch(guest: JobGuest<'_>, output: &JobOutput, to: &Path) -> Result<JobFile, Failure> {
    let phase = guest.context.events.phase(Part::Pack, output.name.as_str(), "");
    let fetched = match output.form {
        OutputForm::File { .. } => guest.fetch(&phase, &output.guest_path, to, None).await?,
        OutputForm::Tree { mtime } => {
            let packed = format!("{}.vmbuild.tgz", output.guest_path.trim_end_matches('/'));
            let pack = Pack { root: output.guest_path.clone(), to: packed, mtime };
            guest.fetch_packed(&phase, pack, to).await?.1
        }
    };
    phase.finish(size(fetched.bytes));
    Ok(file_of(fetched))
}

pub(crate) fn file_of(digest: Digest) -> JobFile {
    JobFile { sha256: Sha256(digest.sha256), bytes: digest.bytes }
}
