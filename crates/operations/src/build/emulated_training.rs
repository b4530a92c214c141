//! Training must not run on an emulated processor unless the user insists.

use vmbuild_core::failure::{Diagnose, Exit};

/// A release build would train on an emulated processor.
#[derive(Debug, thiserror::Error)]
#[error("the training of a release build would run on an emulated processor")]
pub(crate) struct EmulatedTraining;

impl Diagnose for EmulatedTraining {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "it takes hours, and tests that look at the time fail there: --backend sandbox runs at native speed".to_owned(),
            "--profile-data FILE uses an earlier training's profile; --allow-emulated-pgo trains all the same, and the \
             record says so"
                .to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::EmulatedTraining;
    use crate::build::cpython_error::CpythonError;
    use vmbuild_core::failure::Diagnose;
    use vmbuild_cpython::OptionNotInEffect;
    use vmbuild_cpython::verified_options::LtoEvidence;

    #[test]
    fn each_says_what_to_do() {
        let said = |error: &dyn Diagnose| format!("{error}\n{:?} {:?}", error.exit(), error.hints());
        let lto = CpythonError::from(OptionNotInEffect::Lto(LtoEvidence { objects: 3, symbols: 0 }));
        insta::assert_snapshot!([said(&EmulatedTraining), said(&lto)].join("\n"));
    }
}
