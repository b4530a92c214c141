//! Checks 10 and 11: what an interpreter carries along to say what it is.

use super::outcome::{CheckOutcome, size};
use super::subject::Subject;
use super::tree::UnpackedArtifact;
use vmbuild_cpython::ArtifactName;

/// 10: `.build-info` is JSON and says the version of the file name.
pub(super) fn build_info(subject: &Subject<'_>, tree: &UnpackedArtifact) -> CheckOutcome {
    let promised = promised(subject);
    match said_version(tree) {
        Ok(said) if said == promised => CheckOutcome::Pass(format!("version {said}")),
        Ok(said) => CheckOutcome::Amiss(format!(".build-info says {said}, file name says {promised}")),
        Err(why) => CheckOutcome::Amiss(why),
    }
}

/// 11: there is a license, and something in it.
pub(super) fn license(tree: &UnpackedArtifact) -> CheckOutcome {
    match fs_err::metadata(tree.prefix().join("LICENSE")) {
        Ok(found) if !found.is_file() => CheckOutcome::Amiss("LICENSE is not a file".to_owned()),
        Ok(found) if found.len() == 0 => CheckOutcome::Amiss("LICENSE is empty".to_owned()),
        Ok(found) => CheckOutcome::Pass(size(found.len())),
        Err(_) => CheckOutcome::Amiss("no LICENSE".to_owned()),
    }
}

/// The version in the file's name. A free-threaded interpreter itself leaves out the `t` that is there.
fn promised(subject: &Subject<'_>) -> String {
    let name: Result<ArtifactName, _> = subject.ask.artifact.parse();
    name.map_or_else(|_| subject.ask.interpreter.version.clone(), |name| name.version.to_string())
}

fn said_version(tree: &UnpackedArtifact) -> Result<String, String> {
    let text = fs_err::read_to_string(tree.prefix().join(".build-info")).map_err(|_| "no .build-info".to_owned())?;
    let info: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!(".build-info is not JSON: {error}"))?;
    let version = info.get("version").and_then(serde_json::Value::as_str);
    version.map(str::to_owned).ok_or_else(|| ".build-info says no version".to_owned())
}
