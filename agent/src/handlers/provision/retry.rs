//! Running the package manager, with retries after failures that pass.

use crate::failure::failure;
use crate::handlers::exec::run_program;
use crate::packages::PATH;
use crate::request::RequestContext;
use std::time::Duration;
use vmbuild_packages::PackageTrouble;
use vmbuild_protocol::{CommandLine, Exited, FailureKind, OutputStream, RequestFailure};

/// How long one of the commands may take: a slow mirror and an emulated processor together.
const LIMIT: Duration = Duration::from_hours(2);

/// Runs one of the commands, and retries it after a failure that passes. The output says why.
pub(super) async fn run_with_retries(
    request: &RequestContext,
    argv: &[String],
    epoch: Option<u64>,
) -> Result<(), RequestFailure> {
    let mut attempts = 0;
    loop {
        let Err(failed) = run(request, argv, epoch).await else { return Ok(()) };
        let trouble = PackageTrouble::of(&failed.tail);
        attempts += 1;
        let Some(pause) = trouble.pause(attempts).filter(|_| failed.kind == FailureKind::ProgramFailed) else {
            return Err(failed);
        };
        let reason = format!("{}: trying again in {} s\n", trouble.reason(), pause.as_secs());
        request.send_output(OutputStream::Stderr, reason.as_bytes()).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = request.cancel.cancelled() => return Err(failure(FailureKind::Cancelled, "installing was cancelled")),
        }
    }
}

async fn run(request: &RequestContext, argv: &[String], epoch: Option<u64>) -> Result<(), RequestFailure> {
    let line = argv.join(" ");
    let env = [("DEBIAN_FRONTEND", "noninteractive"), ("LC_ALL", "C.UTF-8"), ("PATH", PATH)];
    let mut env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    env.extend(epoch.map(|seconds| ("SOURCE_DATE_EPOCH".to_owned(), seconds.to_string())));
    let command = CommandLine { argv: argv.to_vec(), env, cwd: "/".to_owned() };
    let (exited, tail) = run_program(request, &command, Some(LIMIT), &mut |_, _| {}).await?;
    let ended = match exited {
        Exited::Code(0) => return Ok(()),
        Exited::Code(code) => format!("exited with {code}"),
        Exited::Signal(signal) => format!("was killed by signal {signal}"),
    };
    let message = format!("`{line}` {ended}");
    Err(RequestFailure { kind: FailureKind::ProgramFailed, message, step: None, tail: tail.text() })
}
