//! Runs one program for a request.

use crate::request::{Request, failure};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use vmbuild_protocol::{CommandLine, Exited, Failure, FailureKind, OutputStream};
use vmbuild_supervise::{Child, Command, Deadline, Ended, Tail};

const FOREVER: Duration = Duration::from_secs(1 << 30);

/// Runs a program to its end, within the timeout and until the request is cancelled.
pub async fn run_program(
    request: &Request,
    command: &CommandLine,
    timeout: Option<Duration>,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<(Exited, Tail), Failure> {
    let mut program = Command::new(&command.argv[0]).args(&command.argv[1..]).current_dir(&command.cwd).env_clear();
    program = program.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in &command.env {
        program = program.env(name, value);
    }
    let mut child = program.spawn().map_err(|error| failure(FailureKind::NotStarted, error.to_string()))?;
    let mut tail = Tail::default();
    let deadline = Deadline::after(timeout.unwrap_or(FOREVER));
    let kind = tokio::select! {
        ended = drive(&mut child, request, &mut tail, on_output) => return Ok((ended, tail)),
        () = deadline.expired() => FailureKind::TimedOut,
        () = request.cancel.cancelled() => FailureKind::Cancelled,
    };
    child.shutdown().await;
    Err(Failure { kind, message: format!("`{}` was ended", child.line()), step: None, tail: tail.text() })
}

async fn drive(
    child: &mut Child,
    request: &Request,
    tail: &mut Tail,
    on_output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Exited {
    let (mut stdout, mut stderr) = (child.take_stdout().expect("captured"), child.take_stderr().expect("captured"));
    let (mut out, mut err) = (vec![0; 8192], vec![0; 8192]);
    let (mut more_out, mut more_err) = (true, true);
    while more_out || more_err {
        let (stream, bytes) = tokio::select! {
            count = stdout.read(&mut out), if more_out => {
                let count = count.unwrap_or(0);
                more_out = count > 0;
                (OutputStream::Stdout, &out[..count])
            }
            count = stderr.read(&mut err), if more_err => {
                let count = count.unwrap_or(0);
                more_err = count > 0;
                (OutputStream::Stderr, &err[..count])
            }
        };
        tail.push(bytes);
        on_output(stream, bytes);
        request.output(stream, bytes).await;
    }
    match child.wait().await {
        Ok(Ended::Code(code)) => Exited::Code(code),
        Ok(Ended::Signal(signal)) => Exited::Signal(signal),
        Err(_) => Exited::Code(-1),
    }
}
