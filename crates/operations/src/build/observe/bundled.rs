//! Other projects' code in the tree: pip and what it carries, and what CPython's source says of itself.

use super::guest::ObservedGuest;
use vmbuild_artifact::{ArtifactError, StagingFolder};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::failure::Failure;
use vmbuild_cpython::sbom::{BundledProject, SpdxPackage, Wheel, source_packages};

/// CPython's own bill of materials, below its source.
const SOURCE_SBOM: &str = "Misc/sbom.spdx.json";

/// The wheels in the source, as they were installed, sorted by name.
pub(super) async fn wheels(guest: ObservedGuest<'_>, source: &str, installed: &str) -> Result<Vec<Wheel>, Failure> {
    let folder = format!("{source}/Lib/ensurepip/_bundled");
    let sums = guest.lines(&["find", &folder, "-name", "*.whl", "-exec", "sha256sum", "{}", "+"]).await?;
    let in_site = ["find", installed, "-path"];
    let metadata =
        ["*/site-packages/*.dist-info/METADATA", "-exec", "grep", "-HE", "^License(-Expression)?: ", "{}", "+"];
    let vendor = ["*/site-packages/*/_vendor/vendor*.txt", "-exec", "grep", "-H", "==", "{}", "+"];
    let licences = guest.lines(&[&in_site[..], &metadata].concat()).await?;
    let vendored = guest.lines(&[&in_site[..], &vendor].concat()).await?;
    Ok(read(&sums, &licences, &vendored))
}

/// Puts together what `sha256sum` and `grep` said.
fn read(sums: &[String], licences: &[String], vendored: &[String]) -> Vec<Wheel> {
    let mut wheels: Vec<Wheel> = sums.iter().filter_map(|line| wheel(line)).collect();
    wheels.sort_by(|one, other| one.project.cmp(&other.project));
    for wheel in &mut wheels {
        let about = format!("/{}-{}.dist-info/", wheel.project.name, wheel.project.version);
        let licence = licences.iter().find(|line| line.contains(&about)).and_then(|line| line.split_once(": "));
        wheel.license = licence.map(|(_, licence)| licence.trim().to_owned());
        wheel.vendored = vendored.iter().filter_map(|line| part_of(&wheel.project.name, line)).collect();
        wheel.vendored.sort();
        wheel.vendored.dedup();
    }
    wheels
}

fn wheel(line: &str) -> Option<Wheel> {
    let (sum, path) = line.split_once(' ')?;
    Wheel::from_file_name(path.trim().rsplit('/').next()?, sum.parse().ok()?)
}

/// A line `…/site-packages/pip/_vendor/vendor.txt:distlib==0.3.9`, if it is of this project.
fn part_of(project: &str, line: &str) -> Option<BundledProject> {
    let (path, requirement) = line.split_once(".txt:")?;
    let (_, inside) = path.split_once("/site-packages/")?;
    let package = inside.split('/').next()?;
    // setuptools installs two packages.
    let owner = if package == "pkg_resources" { "setuptools" } else { package };
    (owner == project).then(|| BundledProject::from_requirement(requirement))?
}

/// Bundled projects according to CPython's source, since 3.12; the file is kept among the logs.
pub(super) async fn in_source(
    guest: ObservedGuest<'_>,
    source: &str,
    staging: &StagingFolder,
    events: &Events,
) -> Result<Vec<SpdxPackage>, Failure> {
    let path = format!("{source}/{SOURCE_SBOM}");
    if guest.lines(&["find", source, "-path", &path]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let kept = staging.among_logs("source-bundled.spdx.json");
    guest.fetch(&path, &kept).await?;
    let text = fs_err::read_to_string(&kept).map_err(ArtifactError::Io)?;
    Ok(source_packages(&text).unwrap_or_else(|error| {
        events.warn(Part::Build, format!("CPython's own {SOURCE_SBOM} is left out of the bill of materials: {error}"));
        Vec::new()
    }))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn wheels_their_licences_and_their_parts_are_put_together() {
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let sums =
            format!("{0}  /x/setuptools-65.5.0-py3-none-any.whl\n{0}  /x/pip-25.1.1-py3-none-any.whl", "ab".repeat(32));
        let licences = "/d/lib/python3.13/site-packages/pip-25.1.1.dist-info/METADATA:License: MIT";
        let vendored = "/d/lib/python3.13/site-packages/pip/_vendor/vendor.txt:distlib==0.3.9
            /d/lib/python3.13/site-packages/pip/_vendor/vendor.txt:    certifi==2025.1.31
            /d/lib/python3.13/site-packages/setuptools/_vendor/vendored.txt:packaging==21.3
            /d/lib/python3.13/site-packages/pkg_resources/_vendor/vendored.txt:packaging==21.3";
        let wheels = read(&lines(&sums), &lines(licences), &lines(vendored));
        let said = |wheel: &vmbuild_cpython::sbom::Wheel| {
            let parts: Vec<&str> = wheel.vendored.iter().map(|part| part.name.as_str()).collect();
            format!("{} {:?} {parts:?}", wheel.project.name, wheel.license.as_deref())
        };
        let found: Vec<String> = wheels.iter().map(said).collect();
        assert_eq!(found, [r#"pip Some("MIT") ["certifi", "distlib"]"#, r#"setuptools None ["packaging"]"#]);
    }
}
