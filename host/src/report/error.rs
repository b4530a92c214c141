//! Rendering of errors: the failure, its causes, and hints.

use super::paint::{ColorPaint, styled};
use vmbuild_core::event::EventKind;
use vmbuild_core::failure::{Failure, chain};

/// The event that ends a failed command's stream.
pub fn event(failure: &Failure) -> EventKind {
    EventKind::Error { causes: chain(&**failure), hints: failure.hints(), exit: failure.exit() as u8 }
}

/// The text for people, with a line end.
pub(super) fn render(causes: &[String], hints: &[String], paint: ColorPaint) -> String {
    let lead = |index| if index == 0 { styled(paint.red(), "error:") } else { "  Caused by:".to_owned() };
    let causes =
        causes.iter().enumerate().map(|(index, cause)| format!("{} {}\n", lead(index), indented(cause, paint)));
    let gap = (!hints.is_empty()).then(|| "\n".to_owned());
    let hints = hints.iter().map(|hint| format!("{} {hint}\n", styled(paint.cyan(), "hint:")));
    causes.chain(gap).chain(hints).collect()
}

/// The last lines of a program's output follow the message, indented.
fn indented(message: &str, paint: ColorPaint) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| format!("{text}\n    {}", styled(paint.dim(), line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use vmbuild_core::failure::{Diagnose, Exit};

    #[derive(Debug, thiserror::Error)]
    enum Example {
        #[error("training did not pass: 1 of 44 tests failed (test_generators)")]
        Training(#[source] std::io::Error),
        #[error("the store is not usable: {0}")]
        Repeats(#[source] std::io::Error),
        #[error("`make` exited with 2:\ncc: fatal error: no input files\ncompilation terminated.")]
        Tail,
    }

    impl Diagnose for Example {
        fn exit(&self) -> Exit {
            Exit::Job
        }

        fn hints(&self) -> Vec<String> {
            match self {
                Self::Training(_) => vec!["logs are in artifacts/failed".to_owned(), "run it again".to_owned()],
                _ => Vec::new(),
            }
        }
    }

    fn text(example: Example, paint: ColorPaint) -> String {
        let EventKind::Error { causes, hints, .. } = event(&Failure::from(example)) else { unreachable!("an error") };
        render(&causes, &hints, paint)
    }

    #[test]
    fn a_cause_and_hints() {
        let cause = std::io::Error::other("`./python -m test --pgo` exited with 2");
        assert_snapshot!(text(Example::Training(cause), ColorPaint::Bare), @r"
        error: training did not pass: 1 of 44 tests failed (test_generators)
          Caused by: `./python -m test --pgo` exited with 2

        hint: logs are in artifacts/failed
        hint: run it again
        ");
    }

    #[test]
    fn nothing_is_repeated() {
        assert_snapshot!(
            text(Example::Repeats(std::io::Error::other("disk full")), ColorPaint::Bare),
            @"error: the store is not usable: disk full"
        );
    }

    #[test]
    fn the_last_lines_of_a_program_are_indented() {
        assert_snapshot!(text(Example::Tail, ColorPaint::Bare), @r"
        error: `make` exited with 2:
            cc: fatal error: no input files
            compilation terminated.
        ");
    }

    #[test]
    fn colour_stays_on_the_lead() {
        let text = text(Example::Training(std::io::Error::other("x")), ColorPaint::Coloured);
        assert_eq!(text.lines().next().map(|line| line.matches('\u{1b}').count()), Some(3), "{text:?}");
        assert!(text.contains("error:\u{1b}[0m training did not pass"), "{text:?}");
    }

    #[test]
    fn the_event_carries_the_exit_code() {
        let event = event(&Failure::from(Example::Tail));
        assert!(matches!(event, EventKind::Error { exit: 1, .. }), "{event:?}");
    }
}
