//! Version, profile and memory, resolved before anything is fetched or made.

use super::cpython_error::CpythonError;
use super::request::BuildInputs;
use vmbuild_artifact::ArtifactError;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_cpython::flavour::{ANALYZER_GB, Flavour, missing_tool};
use vmbuild_cpython::{Profile, Version};
use vmbuild_image::Golden;

/// Version and profile that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ResolvedFlavours {
    pub(super) version: Version,
    pub(super) profile: Profile,
    /// The machine's memory in MiB, where the user or the flavours determine it.
    pub(super) memory: Option<u64>,
}

/// Puts the flavours into the version and chooses the profile that goes with them. Refuses combinations that cannot be
/// built.
pub(super) fn settle(inputs: &BuildInputs) -> Result<ResolvedFlavours, Failure> {
    let version = inputs.version.with_flavours(&inputs.flavours).map_err(CpythonError::from)?;
    let flavours = version.flavours();
    let profile = inputs.profile.unwrap_or_else(|| flavours.default_profile());
    flavours.check_profile(profile).map_err(CpythonError::from)?;
    let memory = memory(version, inputs.machine.memory_mib)?;
    Ok(ResolvedFlavours { version, profile, memory })
}

/// Refuses an image that lacks what the version's flavours are made with.
pub(crate) fn check_tools(version: Version, golden: &Golden) -> Result<(), Failure> {
    let packages = golden.package_list().map_err(ArtifactError::Io)?;
    match missing_tool(version.flavours(), golden.image(), &packages) {
        Some(missing) => Err(CpythonError::from(missing).into()),
        None => Ok(()),
    }
}

/// Memory in MiB of a machine that runs the analyzer on so many files at a time.
const fn analyzer_memory(jobs: u64) -> u64 {
    (jobs * ANALYZER_GB + 1) * 1024
}

/// The machine's memory in MiB, where it matters to the flavours: what the analyzer finds must not depend on it.
fn memory(version: Version, wanted: Option<u64>) -> Result<Option<u64>, LittleMemory> {
    if !version.flavours().has(Flavour::Analyzer) {
        return Ok(wanted);
    }
    let needed = analyzer_memory(1);
    match wanted {
        Some(wanted) if wanted < needed => Err(LittleMemory { wanted }),
        _ => Ok(wanted.or(Some(needed))),
    }
}

/// How many compilers may run at a time in a machine with so many MiB: those wanted, unless there is memory for fewer.
pub(super) fn jobs_in_memory(version: Version, wanted: u32, memory: u64) -> u32 {
    let fit = |jobs: &u32| *jobs <= 1 || analyzer_memory((*jobs).into()) <= memory;
    if version.flavours().has(Flavour::Analyzer) { (1..=wanted).rfind(fit).unwrap_or(1) } else { wanted.max(1) }
}

/// The machine has less memory than the analyzer may take.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the analyzer takes up to {ANALYZER_GB} GB of memory for one file, but the machine gets {wanted} MiB")]
pub(super) struct LittleMemory {
    wanted: u64,
}

impl Diagnose for LittleMemory {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        let [one, two] = [1, 2].map(analyzer_memory);
        vec![format!("--memory {one} is enough for one file at a time, and the default; {two} is for two")]
    }
}

#[cfg(test)]
mod tests {
    use super::{LittleMemory, jobs_in_memory, memory};

    #[test]
    fn an_analyzer_has_the_memory_it_may_take() {
        let check = |version: &str, wanted, expect| {
            assert_eq!(memory(version.parse().expect("a version"), wanted), expect, "{version}");
        };
        check("3.13.5", None, Ok(None));
        check("3.13.5", Some(1024), Ok(Some(1024)));
        check("3.13.5+analyzer", None, Ok(Some(9216)));
        check("3.13.5+analyzer", Some(20_000), Ok(Some(20_000)));
        check("3.13.5+analyzer", Some(4096), Err(LittleMemory { wanted: 4096 }));
    }

    #[test]
    fn as_many_compilers_as_there_is_memory_for() {
        let check = |version: &str, wanted, memory, expect| {
            assert_eq!(
                jobs_in_memory(version.parse().expect("a version"), wanted, memory),
                expect,
                "{version}, {memory}"
            );
        };
        check("3.13.5", 4, 1024, 4);
        check("3.13.5", 0, 1024, 1);
        check("3.13.5+analyzer", 4, 9216, 1);
        check("3.13.5+analyzer", 4, 17_407, 1);
        check("3.13.5+analyzer", 4, 17_408, 2);
        check("3.13.5+analyzer", 0, 17_408, 1);
    }
}
