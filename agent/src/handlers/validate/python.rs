//! Running the unpacked interpreter.

use super::programs::demand_program;
use super::report::CheckError;
use super::subject::CheckSubject;
use crate::handlers::exec::run_program;
use vmbuild_protocol::{CommandLine, Exited, FailureKind, OutputStream};
use vmbuild_supervise::Tail;

/// Isolated from the user's settings and packages, and leaving no compiled files behind.
pub(super) const ISOLATED: [&str; 2] = ["-I", "-B"];
/// More than any check needs to read.
const KEPT: usize = 64 << 10;

/// Runs the interpreter with these arguments. It gets nothing that would help it find its libraries: its own
/// `$ORIGIN` must do. The inner result is its standard output, or the error as one line.
pub(super) async fn python(subject: &CheckSubject<'_>, args: &[&str]) -> Result<Result<String, String>, CheckError> {
    let (tree, binary) = (subject.tree().await?, &subject.order.interpreter.binary);
    if let Err(flaw) = demand_program(tree, binary) {
        return Ok(Err(flaw));
    }
    let program = tree.bin(binary).to_string_lossy().into_owned();
    let argv = std::iter::once(program).chain(args.iter().map(|&arg| arg.to_owned())).collect();
    let command = CommandLine { argv, env: Vec::new(), cwd: "/".to_owned() };
    let (mut stdout, mut complaint) = (Vec::new(), Tail::default());
    let mut on_output = |stream, bytes: &[u8]| match stream {
        OutputStream::Stdout if stdout.len() < KEPT => stdout.extend_from_slice(bytes),
        OutputStream::Stdout => {}
        OutputStream::Stderr => complaint.push(bytes),
    };
    let ran = run_program(subject.request, &command, Some(subject.limit()), &mut on_output).await;
    let flaw = match ran {
        Ok((Exited::Code(0), _)) => return Ok(Ok(String::from_utf8_lossy(&stdout).trim().to_owned())),
        Ok((Exited::Code(code), _)) => last_line(&complaint.text()).unwrap_or_else(|| format!("exited with {code}")),
        Ok((Exited::Signal(signal), _)) => format!("was killed by signal {signal}"),
        Err(failure) if failure.kind == FailureKind::Cancelled => return Err(failure.into()),
        Err(failure) => failure.message,
    };
    Ok(Err(flaw))
}

fn last_line(text: &str) -> Option<String> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}
