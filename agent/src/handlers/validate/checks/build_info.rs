//! The artifact's build info is JSON and has the version in the file name. That version has the `t` of a free-threaded
//! build, which the interpreter itself leaves out.

use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;
use crate::handlers::validate::tree::UnpackedArtifact;
use vmbuild_cpython::layout::BUILD_INFO;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let promised = subject.name.version.to_string();
    let found = read_version(subject.tree().await?)?;
    if found != promised {
        return Err(format!("{BUILD_INFO} says {found}, file name says {promised}").into());
    }
    Ok(format!("version {found}"))
}

fn read_version(tree: &UnpackedArtifact) -> Result<String, String> {
    let text = fs_err::read_to_string(tree.prefix().join(BUILD_INFO)).map_err(|_| format!("no {BUILD_INFO}"))?;
    let info: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{BUILD_INFO} is not JSON: {error}"))?;
    let version = info.get("version").and_then(serde_json::Value::as_str);
    version.map(str::to_owned).ok_or_else(|| format!("{BUILD_INFO} says no version"))
}
