//! The whole inspection.

use super::guest::ObservedGuest;
use super::{bundled, elf, libraries};
use std::collections::BTreeMap;
use std::path::Path;
use vmbuild_artifact::{ArtifactError, StagingFolder};
use vmbuild_core::event::Part;
use vmbuild_core::failure::Failure;
use vmbuild_cpython::sbom::{SpdxPackage, SystemLibrary, Wheel};
use vmbuild_cpython::verified_options::{LtoEvidence, Observations, ObservedLibrary, ProfileCoverage};
use vmbuild_cpython::{Recipe, layout, recipe};
use vmbuild_job::JobGuest;
use vmbuild_protocol::Package;

/// Findings in the machine.
#[derive(Debug)]
pub(in crate::build) struct ObservedTree {
    pub(in crate::build) seen: Observations,
    pub(in crate::build) libraries: Vec<SystemLibrary>,
    pub(in crate::build) wheels: Vec<Wheel>,
    pub(in crate::build) bundled: Vec<SpdxPackage>,
}

/// An installed tree to inspect, in the machine that made it.
#[derive(Debug, Clone, Copy)]
pub(in crate::build) struct Inspection<'a> {
    pub(in crate::build) guest: JobGuest<'a>,
    pub(in crate::build) recipe: &'a Recipe,
    pub(in crate::build) version: &'a vmbuild_cpython::Version,
    /// Packages of the machine.
    pub(in crate::build) packages: &'a [Package],
    /// Coverage according to the counts of a training.
    pub(in crate::build) coverage: Option<ProfileCoverage>,
    pub(in crate::build) staging: &'a StagingFolder,
}

/// Inspects the installed tree and the machine that made it.
pub(in crate::build) async fn observe(inspection: Inspection<'_>) -> Result<ObservedTree, Failure> {
    let Inspection { guest, recipe, version, packages, coverage, staging } = inspection;
    let events = &guest.context.events;
    let phase = events.phase(Part::Build, "evidence", "");
    let guest = ObservedGuest { session: guest.session, cancel: &guest.context.cancel };
    let (source, installed) =
        (format!("{}/src", recipe::WORK), format!("{}{}", recipe.destination, layout::prefix(version)));
    let work = tempfile::tempdir_in(staging.among_logs("")).map_err(ArtifactError::Io)?;
    let needed = needed(guest, &installed, work.path()).await?;
    let own: Vec<String> = needed.keys().cloned().collect();
    let libraries = libraries::libraries(guest, elf::by_library(&needed, &own), packages).await?;
    for library in libraries.iter().filter(|library| library.package.is_none()) {
        events.warn(Part::Build, format!("no package of the build machine has {}", library.soname));
    }
    let seen = Observations {
        interpreter_links_libpython: links_libpython(&needed, &format!("bin/{}", layout::binary(version))),
        has_shared_libpython: own.iter().any(|path| is_libpython(path.rsplit('/').next().unwrap_or(path))),
        libffi: libffi(&libraries),
        lto: lto(guest, &source, work.path()).await?,
        coverage,
    };
    let wheels = bundled::wheels(guest, &source, &installed).await?;
    let bundled = bundled::in_source(guest, &source, staging, events).await?;
    phase.finish(format!("{} libraries in {} files", libraries.len(), needed.len()));
    Ok(ObservedTree { seen, libraries, wheels, bundled })
}

/// Libraries that each ELF file of the tree needs, by its path below the prefix.
async fn needed(
    guest: ObservedGuest<'_>,
    installed: &str,
    work: &Path,
) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let found = guest
        .lines(&[
            "find", installed, "-type", "f", "(", "-name", "*.so", "-o", "-name", "*.so.*", "-o", "-path", "*/bin/*",
            ")",
        ])
        .await?;
    let (mut needed, local) = (BTreeMap::new(), work.join("file"));
    for path in found {
        guest.fetch(&path, &local).await?;
        if let Some(names) = elf::needed(&local).map_err(ArtifactError::Io)? {
            let below = path.strip_prefix(installed).unwrap_or(&path).trim_start_matches('/');
            needed.insert(below.to_owned(), names);
        }
    }
    Ok(needed)
}

fn links_libpython(needed: &BTreeMap<String, Vec<String>>, interpreter: &str) -> bool {
    needed.get(interpreter).is_some_and(|names| names.iter().any(|name| is_libpython(name)))
}

/// `libpython3.13.so.1.0`, and not `libpython3.so`, which only leads there.
fn is_libpython(name: &str) -> bool {
    name.strip_prefix("libpython3.").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn libffi(libraries: &[SystemLibrary]) -> Option<ObservedLibrary> {
    let ctypes = |file: &String| file.rsplit('/').next().is_some_and(|name| name.starts_with("_ctypes."));
    let ours =
        |library: &&SystemLibrary| library.soname.starts_with("libffi.so") && library.needed_by.iter().any(ctypes);
    let library = libraries.iter().find(ours)?;
    Some(ObservedLibrary { soname: library.soname.clone(), package: library.package.clone() })
}

/// Traces of link-time optimization in the build tree: the installed files may be stripped.
async fn lto(guest: ObservedGuest<'_>, source: &str, work: &Path) -> Result<LtoEvidence, Failure> {
    let with = ["grep", "-rla", "--include=*.o"];
    let gcc = guest.lines(&[&with[..], &["-F", ".gnu.lto_", source]].concat()).await?.len();
    let llvm = guest.lines(&[&with[..], &["-P", r"\ABC\xC0\xDE", source]].concat()).await?.len();
    let mut symbols = 0;
    if gcc + llvm > 0 {
        let local = work.join("linked");
        let linked = ["find", source, "-maxdepth", "1", "-type", "f", "(", "-name", "libpython*.so.*", "-o", "-name"];
        for path in guest.lines(&[&linked[..], &["python", ")"]].concat()).await? {
            guest.fetch(&path, &local).await?;
            symbols += elf::lto_symbols(&local).map_err(ArtifactError::Io)?;
        }
    }
    Ok(LtoEvidence { objects: (gcc + llvm) as u64, symbols })
}

#[cfg(test)]
mod tests {
    use super::{is_libpython, libffi};
    use vmbuild_cpython::sbom::SystemLibrary;

    #[test]
    fn libpython_is_told_from_its_forwarder() {
        let names = ["libpython3.13.so.1.0", "libpython3.14t.so.1.0", "libpython3.so", "libpython.py", "libc.so.6"];
        assert_eq!(names.map(is_libpython), [true, true, false, false, false]);
    }

    #[test]
    fn only_ctypes_libffi_counts() {
        let library = |soname: &str, file: &str| SystemLibrary {
            soname: soname.to_owned(),
            package: None,
            needed_by: vec![file.to_owned()],
        };
        let ctypes = "lib/python3.13/lib-dynload/_ctypes.cpython-313-x86_64-linux-gnu.so";
        let cases = [
            (library("libffi.so.8", ctypes), Some("libffi.so.8")),
            (library("libffi.so.8", "lib/_ctypes_test.so"), None),
            (library("libc.so.6", ctypes), None),
        ];
        for (library, expect) in cases {
            let found = libffi(std::slice::from_ref(&library)).map(|library| library.soname);
            assert_eq!(found.as_deref(), expect, "{library:?}");
        }
    }
}
