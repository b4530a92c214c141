//! From a call to its handler.

use super::link::{HostMessage, Link};
use crate::exec::run_program;
use crate::guest::GuestSystem;
use crate::request::RequestContext;
use crate::{files, handlers, interactive};
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_protocol::{Call, Exec, Exited, FromAgent, Input, Interactive, Reply, RequestFailure};

pub(super) async fn dispatch(
    call: Call,
    request: &RequestContext,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
    guest: &GuestSystem,
) -> Result<Reply, RequestFailure> {
    if !is_about_the_agent(&call) {
        guest.completed().await;
    }
    match call {
        Call::Ping => Ok(Reply::Pong),
        Call::Facts => handlers::facts::facts(guest).await.map(Reply::Facts),
        Call::Exec(exec) => run(request, exec).await.map(Reply::Exited),
        Call::PutFile(put) => files::put(request, put, link, mail).await.map(Reply::Stored),
        Call::GetFile(get) => files::get(request, get, link).await.map(Reply::Sent),
        Call::Provision(provision) => handlers::provision::provision(request, provision).await.map(Reply::Provisioned),
        Call::Resolve(provision) => handlers::provision::resolve(request, provision).await.map(Reply::Resolved),
        Call::Build(steps) => handlers::steps::build(request, steps).await.map(Reply::Built),
        Call::Pack(pack) => handlers::pack::pack(request, pack).await.map(Reply::Packed),
        Call::Validate(validate) => handlers::validate::validate(request, validate).await.map(Reply::Validated),
        Call::SetClock(clock) => handlers::clock::set(clock).map(|()| Reply::ClockSet),
        Call::PowerOff => {
            link.say(|id| FromAgent::Done { id, reply: Reply::Ending });
            // The answer is on its way before the machine ends under it.
            tokio::time::sleep(Duration::from_millis(50)).await;
            handlers::power::end(guest.is_init())
        }
        Call::Interactive(order) => interact(request, order, link, mail).await.map(Reply::Exited),
        Call::Connect(connect) => {
            handlers::connect::connect(request, &connect, link, mail).await.map(|()| Reply::Closed)
        }
        Call::Fingerprint(order) => files::fingerprint(request, &order).await.map(Reply::Fingerprint),
        Call::PutRest(put) => files::put_rest(request, put, link, mail).await.map(Reply::Stored),
        Call::GetRest(get) => files::get_rest(request, get, link).await.map(Reply::Sent),
        Call::List(list) => files::list(request, &list).await.map(|()| Reply::Listed),
        Call::Make(make) => files::make(&make).map(|()| Reply::Made),
        Call::GrowRoot => handlers::grow::grow_root().await.map(|bytes| Reply::Grown { bytes }),
    }
}

/// Answered even before the guest is complete.
fn is_about_the_agent(call: &Call) -> bool {
    matches!(call, Call::Ping | Call::Facts | Call::SetClock(_) | Call::PowerOff)
}

async fn run(request: &RequestContext, exec: Exec) -> Result<Exited, RequestFailure> {
    let timeout = exec.timeout_ms.map(Duration::from_millis);
    run_program(request, &exec.command, timeout, &mut |_, _| ()).await.map(|(exited, _)| exited)
}

async fn interact(
    request: &RequestContext,
    order: Interactive,
    link: &Link,
    mail: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<Exited, RequestFailure> {
    let timeout = order.timeout_ms.map(Duration::from_millis);
    let mut command = interactive::with_program(order.command);
    match order.input {
        Input::Piped => interactive::run_piped(request, &command, timeout, link, mail).await,
        Input::Terminal { size, kind } => {
            // First, so that what the host's user sets for the program counts.
            command.env.insert(0, ("TERM".to_owned(), kind));
            interactive::run_in_terminal(request, &command, timeout, size, link, mail).await
        }
    }
}
