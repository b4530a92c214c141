//! From a request to one of the two kinds of program.

use super::piped::run_piped;
use super::shell::with_program;
use super::terminal::run_in_terminal;
use crate::request::RequestContext;
use crate::session::{HostLink, HostMessage};
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_protocol::{Exited, Interactive, ProgramInput, RequestFailure};

/// Runs a program, or root's login shell if the request names none, and feeds it.
pub async fn interactive(
    request: &RequestContext,
    order: Interactive,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Exited, RequestFailure> {
    let timeout = order.timeout_ms.map(Duration::from_millis);
    let mut command = with_program(order.command);
    match order.input {
        ProgramInput::Piped => run_piped(request, &command, timeout, link, messages).await,
        ProgramInput::Terminal { size, kind } => {
            // First, so that the host's user can override it.
            command.env.insert(0, ("TERM".to_owned(), kind));
            run_in_terminal(request, &command, timeout, size, link, messages).await
        }
    }
}
