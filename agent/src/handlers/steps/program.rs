//! A step that runs a program.

use super::memory;
use super::watcher::OutputWatcher;
use crate::failure::failure;
use crate::handlers::exec::run_program;
use crate::request::RequestContext;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vmbuild_protocol::{CommandLine, Exited, FailureKind, OutputStream, Progress, RequestFailure, Watch};
use vmbuild_supervise::Tail;

/// Four times a second is as fast as people read.
const REPORT_INTERVAL: Duration = Duration::from_millis(250);

/// Runs it, reporting how far it is; demands status 0 and whatever else the watch asks for. Returns the units done.
pub(super) async fn run(
    request: &RequestContext,
    step: u32,
    command: &CommandLine,
    timeout: Duration,
    watch: Watch,
) -> Result<u64, RequestFailure> {
    if command.argv.is_empty() {
        return Err(failure(FailureKind::Invalid, "a step without a program"));
    }
    let watcher = Mutex::new(OutputWatcher::new(watch));
    let kills_before = memory::oom_kills();
    let mut on_output = |stream: OutputStream, bytes: &[u8]| lock(&watcher).push(stream, bytes);
    let program = run_program(request, command, Some(timeout), &mut on_output);
    let (exited, tail) = tokio::select! {
        ended = program => ended?,
        never = report_progress(request, step, &watcher) => match never {},
    };
    let mut watcher = watcher.into_inner().unwrap_or_else(PoisonError::into_inner);
    watcher.finish();
    check_result(command, exited, &tail, &watcher).map_err(|failure| memory::blame_memory(failure, kills_before))?;
    Ok(watcher.advance().done)
}

async fn report_progress(request: &RequestContext, step: u32, watcher: &Mutex<OutputWatcher>) -> Infallible {
    loop {
        tokio::time::sleep(REPORT_INTERVAL).await;
        let news = lock(watcher).take_news();
        if let Some(news) = news {
            let (done, total, last_line) = (news.done, news.total, news.last_line);
            request.send_progress(Progress::StepAdvanced { step, done, total, last_line }).await;
        }
    }
}

fn lock(watcher: &Mutex<OutputWatcher>) -> MutexGuard<'_, OutputWatcher> {
    // Progress is for people: a panic in the reader must not hide the program's own result.
    watcher.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_result(
    command: &CommandLine,
    exited: Exited,
    tail: &Tail,
    watcher: &OutputWatcher,
) -> Result<(), RequestFailure> {
    let line = command.argv.join(" ");
    let (kind, message) = match exited {
        Exited::Code(0) => match watcher.doubt() {
            None => return Ok(()),
            Some(doubt) => (FailureKind::Unconvincing, format!("{doubt}: `{line}` exited with 0")),
        },
        Exited::Code(code) => (FailureKind::ProgramFailed, format!("`{line}` exited with {code}")),
        Exited::Signal(signal) => (FailureKind::ProgramFailed, format!("`{line}` was killed by signal {signal}")),
    };
    let message = match watcher.explanation() {
        Some(explanation) => format!("{explanation}: {message}"),
        None => message,
    };
    Err(RequestFailure { kind, message, step: None, tail: tail.text() })
}
