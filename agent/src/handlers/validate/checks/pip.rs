//! pip is there and belongs to this interpreter.
//!
//! The interpreter runs its own pip, and the pip command exists. That command is not run: its first line names the place
//! where the artifact is to be installed, not the one where it lies now.

use crate::handlers::validate::programs::demand_executable;
use crate::handlers::validate::python::{ISOLATED, python};
use crate::handlers::validate::report::CheckResult;
use crate::handlers::validate::subject::CheckSubject;
use crate::handlers::validate::tree::resolved;
use std::path::Path;

pub(in super::super) async fn check(subject: &CheckSubject<'_>) -> CheckResult {
    let tree = subject.tree().await?;
    let printed = python(subject, &[ISOLATED[0], ISOLATED[1], "-m", "pip", "--version"]).await??;
    let found = own_pip(&printed, tree.root())?;
    demand_executable(tree, &subject.order.interpreter.pip)?;
    Ok(found)
}

/// `pip 24.0 from <folder> (python 3.13)`: demands that the folder is in the tree.
fn own_pip(said: &str, root: &Path) -> Result<String, String> {
    let words = said.split_once(" from ").and_then(|(pip, rest)| Some((pip, rest.rsplit_once(" (")?.0)));
    let (pip, folder) = words.ok_or_else(|| format!("pip said `{said}`"))?;
    let (place, root) = (resolved(folder.as_ref())?, resolved(root)?);
    match place.strip_prefix(&root) {
        Ok(inside) => Ok(format!("{pip} from {}", inside.display())),
        Err(_) => Err(format!("{pip} is from {folder}, outside the artifact")),
    }
}

#[cfg(test)]
mod tests {
    use super::own_pip;

    #[test]
    fn pip_must_come_from_the_tree() {
        let root = tempfile::tempdir().unwrap();
        let site = root.path().join("opt/lib/site (1)/pip");
        fs_err::create_dir_all(&site).unwrap();
        let said = |folder: &str| own_pip(&format!("pip 24.0 from {folder} (python 3.13)"), root.path());
        assert_eq!(said(site.to_str().unwrap()), Ok("pip 24.0 from opt/lib/site (1)/pip".to_owned()));
        assert_eq!(said("/usr"), Err("pip 24.0 is from /usr, outside the artifact".to_owned()));
        let climbs = format!("{}/../../..", root.path().display());
        assert!(said(&climbs).unwrap_err().contains("outside the artifact"));
        assert!(said("/vmbuild/none").unwrap_err().contains("/vmbuild/none"));
        assert_eq!(own_pip("hello", root.path()), Err("pip said `hello`".to_owned()));
    }
}
