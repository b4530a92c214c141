//! The steps of a recipe, one after the other.

use super::{file, program};
use crate::failure::failure;
use crate::request::RequestContext;
use std::time::{Duration, Instant};
use vmbuild_protocol::{Action, FailureKind, Progress, RequestFailure, Step, StepDone, Steps};

/// Runs the steps in order and stops at the first that fails; the failure names it.
pub async fn build(request: &RequestContext, steps: Steps) -> Result<Vec<StepDone>, RequestFailure> {
    let mut done = Vec::new();
    for (step, what) in (0..).zip(&steps.steps) {
        request.send_progress(Progress::StepStarted { step }).await;
        let began = Instant::now();
        let units = run(request, step, what).await.map_err(|failure| RequestFailure { step: Some(step), ..failure })?;
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        done.push(StepDone { step, millis, units });
        request.send_progress(Progress::StepFinished(StepDone { step, millis, units })).await;
    }
    Ok(done)
}

async fn run(request: &RequestContext, index: u32, step: &Step) -> Result<u64, RequestFailure> {
    if request.cancel.is_cancelled() {
        return Err(failure(FailureKind::Cancelled, format!("cancelled before step {}", step.name)));
    }
    match &step.action {
        Action::Run { command, timeout_ms, watch } => {
            program::run(request, index, command, Duration::from_millis(*timeout_ms), *watch).await
        }
        Action::Write { path, contents, mode } => file::write(path, contents, *mode).map(|()| 1),
        Action::RequireFiles { under, suffix, at_least, otherwise } => {
            file::require(under, suffix, *at_least, otherwise).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::build;
    use crate::request::{HandlerEvent, RequestContext};
    use crate::testing::request;
    use tokio_util::sync::CancellationToken;
    use vmbuild_protocol::{Action, CommandLine, FailureKind, Progress, RequestFailure, Step, StepDone, Steps, Watch};

    fn sh(script: &str, watch: Watch) -> Step {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let command = CommandLine { argv, env: Vec::new(), cwd: "/".to_owned() };
        Step { name: "run".to_owned(), action: Action::Run { command, timeout_ms: 20_000, watch } }
    }

    async fn run(steps: Vec<Step>) -> (Result<Vec<StepDone>, RequestFailure>, Vec<Progress>) {
        let (request, heard) = request();
        let result = build(&request, Steps { steps }).await;
        drop(request);
        (result, heard.progress().await)
    }

    async fn fails(step: Step) -> RequestFailure {
        run(vec![sh("true", Watch::LastLine), step]).await.0.unwrap_err()
    }

    const TESTS: Watch = Watch::RegressionTests;
    const COMPILE: Watch = Watch::Compile { total: Some(2) };

    #[tokio::test(flavor = "current_thread")]
    async fn steps_run_in_order_and_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let under = folder.path().to_str().unwrap().to_owned();
        let path = format!("{under}/a.gcda");
        let write = Action::Write { path: path.clone(), contents: "x".to_owned(), mode: 0o644 };
        let look =
            Action::RequireFiles { under, suffix: ".gcda".to_owned(), at_least: 1, otherwise: "no profile".to_owned() };
        let steps = vec![
            Step { name: "write".to_owned(), action: write },
            sh(&format!("cat {path}; echo; echo gcc -c a.c; echo gcc -c b.c"), COMPILE),
            Step { name: "look".to_owned(), action: look },
        ];
        let (result, progress) = run(steps).await;
        let units: Vec<_> = result.unwrap().iter().map(|done| (done.step, done.units)).collect();
        assert_eq!(units, [(0, 1), (1, 2), (2, 1)]);
        let kinds: Vec<String> = progress.iter().filter_map(milestone).collect();
        assert_eq!(kinds, ["start 0", "end 0", "start 1", "end 1", "start 2", "end 2"], "{progress:?}");
    }

    fn milestone(progress: &Progress) -> Option<String> {
        match progress {
            Progress::StepStarted { step } => Some(format!("start {step}")),
            Progress::StepFinished(done) => Some(format!("end {}", done.step)),
            // How many there are depends on the clock.
            Progress::StepAdvanced { .. } | Progress::Checked(_) | Progress::Listed(_) => None,
        }
    }

    /// The step ends only once its progress has been heard.
    #[tokio::test(flavor = "current_thread")]
    async fn progress_is_sent_while_a_step_runs() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let script = format!("echo gcc -c a.c; until [ -e {} ]; do sleep 0.05; done", heard.display());
        let (events, mut received) = tokio::sync::mpsc::channel(1);
        let request = RequestContext { mark: String::new(), cancel: CancellationToken::new(), events };
        let said = std::cell::RefCell::new(None);
        let listen = async {
            while let Some(event) = received.recv().await {
                if let HandlerEvent::Progress(advanced @ Progress::StepAdvanced { .. }) = event {
                    said.borrow_mut().get_or_insert(advanced);
                    fs_err::write(&heard, "").unwrap();
                }
            }
        };
        let steps = Steps { steps: vec![sh(&script, COMPILE)] };
        tokio::select! {
            built = build(&request, steps) => assert_eq!(built.unwrap()[0].units, 1),
            () = listen => unreachable!("the request still holds its end of the channel"),
        }
        let last_line = "gcc -c a.c".to_owned();
        assert_eq!(said.into_inner(), Some(Progress::StepAdvanced { step: 0, done: 1, total: Some(2), last_line }));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_first_failure_stops_the_recipe() {
        let (result, progress) =
            run(vec![sh("echo said; echo why >&2; exit 3", Watch::LastLine), sh("true", Watch::LastLine)]).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.kind, failure.step), (FailureKind::ProgramFailed, Some(0)));
        assert!(failure.message.ends_with("exited with 3"), "{}", failure.message);
        assert!(failure.tail.contains("said") && failure.tail.contains("why"), "{}", failure.tail);
        assert_eq!(progress, [Progress::StepStarted { step: 0 }]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn each_kind_of_failure_is_told_apart() {
        let silent = fails(sh("true", TESTS)).await;
        assert_eq!((silent.kind, silent.step), (FailureKind::Unconvincing, Some(1)));
        let failed = fails(sh("echo '0:00:01 [ 2/44] test_b'; echo 'test test_a failed'; exit 2", TESTS)).await;
        assert_eq!(failed.kind, FailureKind::ProgramFailed);
        assert!(failed.message.starts_with("1 of 44 tests failed (test_a): `sh -c"), "{}", failed.message);
        let signal = fails(sh("kill -9 $$", Watch::LastLine)).await;
        assert!(signal.message.ends_with("was killed by signal 9"), "{}", signal.message);
        let mut endless = sh("sleep 60", Watch::LastLine);
        if let Action::Run { timeout_ms, .. } = &mut endless.action {
            *timeout_ms = 50;
        }
        assert_eq!(fails(endless).await.kind, FailureKind::TimedOut);
        let mut empty = sh("", Watch::LastLine);
        if let Action::Run { command, .. } = &mut empty.action {
            command.argv.clear();
        }
        assert_eq!(fails(empty).await.kind, FailureKind::Invalid);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_convincing_test_run_passes() {
        let (result, _) = run(vec![sh("echo '0:00:01 [1/1] test_a'; echo Result: SUCCESS", TESTS)]).await;
        assert_eq!(result.unwrap()[0].units, 1);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_cancelled_request_starts_no_step() {
        let (request, _heard) = request();
        request.cancel.cancel();
        let failure = build(&request, Steps { steps: vec![sh("true", Watch::LastLine)] }).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled);
    }
}
