//! Errors of the rules for building CPython, with exit codes and hints: `vmbuild-cpython` is pure and has neither.

use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_cpython::flavour::MissingTool;
use vmbuild_cpython::{FlavourError, OptionNotInEffect};

/// Why CPython cannot be built as asked, or was not.
#[derive(Debug, thiserror::Error)]
pub(super) enum CpythonError {
    /// The flavour does not fit the version or profile.
    #[error(transparent)]
    Flavour(#[from] FlavourError),
    /// The image lacks a tool that the flavour needs.
    #[error(transparent)]
    Tool(#[from] MissingTool),
    /// Something asked for did not take effect.
    #[error(transparent)]
    OptionNotInEffect(#[from] OptionNotInEffect),
}

impl Diagnose for CpythonError {
    fn exit(&self) -> Exit {
        match self {
            Self::Flavour(_) | Self::Tool(_) => Exit::Usage,
            Self::OptionNotInEffect(_) => Exit::Job,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Flavour(error) => return error.hint().into_iter().collect(),
            Self::Tool(MissingTool::Clang { .. }) => {
                "an image of your own can have it: `clang` in the list `toolchain` of its packages"
            }
            Self::Tool(MissingTool::Sarif { .. }) => "debian-13 has GCC 14: --image debian-13",
            Self::OptionNotInEffect(OptionNotInEffect::Lto(_)) => {
                "optimised.log says with what flags was linked; the image's binutils must know its compiler's LTO"
            }
            Self::OptionNotInEffect(OptionNotInEffect::Training(_)) => {
                "training.log says what ran; counts of a compiler other than GCC cannot be read"
            }
            Self::OptionNotInEffect(OptionNotInEffect::Libffi(_)) => {
                "configure.log says why `_ctypes` was left out; the image's build packages need libffi's"
            }
            Self::OptionNotInEffect(OptionNotInEffect::Shared(_)) => {
                "optimised.log or compile.log says how the interpreter was linked"
            }
        };
        vec![hint.to_owned()]
    }
}
