//! The artifact to be checked.

use super::report::CheckError;
use super::tree::UnpackedArtifact;
use crate::failure::failure;
use crate::request::RequestContext;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::sync::OnceCell;
use vmbuild_cpython::{ArtifactName, layout};
use vmbuild_protocol::{FailureKind, RequestFailure, Validate};

/// An artifact and the promises of its name. Everything in the request has been validated: no path leads elsewhere.
pub(super) struct CheckSubject<'a> {
    pub(super) request: &'a RequestContext,
    pub(super) order: &'a Validate,
    /// The artifact's file name.
    pub(super) name: ArtifactName,
    /// The artifact.
    pub(super) archive: PathBuf,
    /// The folder that holds the artifact.
    pub(super) folder: PathBuf,
    /// Its contents, from the first check on that looks at them; none if it cannot be unpacked.
    tree: OnceCell<Option<UnpackedArtifact>>,
}

impl<'a> CheckSubject<'a> {
    pub(super) fn new(request: &'a RequestContext, order: &'a Validate) -> Result<Self, RequestFailure> {
        let folder = PathBuf::from(&order.folder);
        demand(folder.is_absolute(), "an absolute folder", &order.folder)?;
        let name: ArtifactName =
            order.artifact.parse().map_err(|error| failure(FailureKind::Invalid, format!("{error}")))?;
        for name in [&order.interpreter.binary, &order.interpreter.pip] {
            demand(is_name(name), "a file name", name)?;
        }
        demand(is_inside(&order.interpreter.prefix), "a folder in an archive", &order.interpreter.prefix)?;
        for module in &order.modules {
            demand(is_module(module), "the name of a module", module)?;
        }
        let archive = folder.join(name.to_string());
        Ok(Self { request, order, name, archive, folder, tree: OnceCell::new() })
    }

    /// The artifact's checksum file.
    pub(super) fn checksum_file(&self) -> PathBuf {
        self.folder.join(layout::checksum_file(&self.name))
    }

    /// The artifact's size in bytes.
    pub(super) fn archive_bytes(&self) -> Result<u64, String> {
        let found = fs_err::symlink_metadata(&self.archive).map_err(|error| error.to_string())?;
        if found.is_file() { Ok(found.len()) } else { Err(format!("{} is not a file", self.name)) }
    }

    /// The unpacked artifact. The first check that needs it unpacks it, and reports why that failed.
    pub(super) async fn tree(&self) -> Result<&UnpackedArtifact, CheckError> {
        let mut unpack_error = None;
        let unpack = async || UnpackedArtifact::unpack(self).await.map_err(|error| unpack_error = Some(error)).ok();
        let tree = self.tree.get_or_init(unpack).await;
        let reason = || unpack_error.unwrap_or_else(|| "nothing was unpacked".to_owned());
        tree.as_ref().ok_or_else(|| CheckError::NothingToCheck(reason()))
    }

    /// Removes the unpacked artifact.
    pub(super) async fn remove_tree(self) {
        if let Some(Some(tree)) = self.tree.into_inner() {
            tree.remove().await;
        }
    }

    /// How long one program may take.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_millis(self.order.timeout_ms)
    }
}

fn demand(is_met: bool, what: &str, text: &str) -> Result<(), RequestFailure> {
    if is_met { Ok(()) } else { Err(failure(FailureKind::Invalid, format!("`{text}` is not {what}"))) }
}

fn is_name(text: &str) -> bool {
    is_inside(text) && Path::new(text).components().count() == 1
}

fn is_inside(text: &str) -> bool {
    !text.is_empty() && Path::new(text).components().all(|part| matches!(part, Component::Normal(_)))
}

fn is_module(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    text.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use super::{is_inside, is_module, is_name};

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert!(is_name("cpython-3.13.5-debian12-build1.tgz"));
        assert!(is_inside("opt/python-3.13.5"));
        for bad in ["", "..", "/x", "a/../b", "./a"] {
            assert!(!is_inside(bad) && !is_name(bad), "{bad}");
        }
        assert!(!is_name("a/b"));
        assert!(is_module("_ctypes") && is_module("xml.parsers.expat"));
        for bad in ["", ".", "os; evil()", "a b", "a..b"] {
            assert!(!is_module(bad), "{bad}");
        }
    }
}
