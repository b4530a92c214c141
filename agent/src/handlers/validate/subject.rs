//! What is to be checked.

use crate::request::{RequestContext, failure};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use vmbuild_protocol::{FailureKind, RequestFailure, Validate};

/// An artifact and what its name promises. The request's words have been looked at: they lead nowhere else.
pub(super) struct Subject<'a> {
    pub(super) request: &'a RequestContext,
    pub(super) ask: &'a Validate,
    /// The folder with the artifact.
    pub(super) folder: PathBuf,
    /// The artifact.
    pub(super) archive: PathBuf,
}

impl<'a> Subject<'a> {
    pub(super) fn new(request: &'a RequestContext, ask: &'a Validate) -> Result<Self, RequestFailure> {
        let folder = PathBuf::from(&ask.folder);
        demand(folder.is_absolute(), "an absolute folder", &ask.folder)?;
        for name in [&ask.artifact, &ask.interpreter.binary, &ask.interpreter.pip] {
            demand(is_name(name), "a file name", name)?;
        }
        demand(is_inside(&ask.interpreter.prefix), "a folder in an archive", &ask.interpreter.prefix)?;
        for module in &ask.modules {
            demand(is_module(module), "the name of a module", module)?;
        }
        let archive = folder.join(&ask.artifact);
        Ok(Self { request, ask, folder, archive })
    }

    /// How long one program may take.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_millis(self.ask.timeout_ms)
    }
}

fn demand(is: bool, what: &str, text: &str) -> Result<(), RequestFailure> {
    if is { Ok(()) } else { Err(failure(FailureKind::Invalid, format!("`{text}` is not {what}"))) }
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
    fn words_that_lead_elsewhere_are_refused() {
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
