//! From a call to its handler.

use super::host_link::{HostLink, HostMessage};
use crate::guest::GuestSystem;
use crate::handlers::{clock, connect, exec, facts, files, grow_root, interactive, pack, provision, steps, validate};
use crate::power;
use crate::request::RequestContext;
use std::time::Duration;
use tokio::sync::mpsc;
use vmbuild_protocol::{Call, FromAgent, Reply, RequestFailure};

/// Time for the reply to leave before the machine ends.
const REPLY_GRACE: Duration = Duration::from_millis(50);

/// Runs the handler of a call.
pub(super) async fn dispatch(
    call: Call,
    request: &RequestContext,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
    guest: &GuestSystem,
) -> Result<Reply, RequestFailure> {
    if !is_served_early(&call) {
        guest.completed().await;
    }
    match call {
        Call::Ping => Ok(Reply::Pong),
        Call::Facts => facts::facts(guest).await.map(Reply::Facts),
        Call::Exec(order) => exec::exec(request, order).await.map(Reply::Exited),
        Call::PutFile(order) => files::put(request, order, link, messages).await.map(Reply::Stored),
        Call::GetFile(order) => files::get(request, order, link).await.map(Reply::Sent),
        Call::Provision(order) => provision::provision(request, order).await.map(Reply::Provisioned),
        Call::Resolve(order) => provision::resolve(request, order).await.map(Reply::Resolved),
        Call::Build(order) => steps::build(request, order).await.map(Reply::Built),
        Call::Pack(order) => pack::pack(request, order).await.map(Reply::Packed),
        Call::Validate(order) => validate::validate(request, order).await.map(Reply::Validated),
        Call::SetClock(order) => clock::set_clock(order).map(|()| Reply::ClockSet),
        Call::PowerOff => {
            link.send_message(|id| FromAgent::Done { id, reply: Reply::Ending });
            tokio::time::sleep(REPLY_GRACE).await;
            power::end_machine(guest.is_init())
        }
        Call::Interactive(order) => interactive::interactive(request, order, link, messages).await.map(Reply::Exited),
        Call::Connect(order) => connect::connect(request, &order, link, messages).await.map(|()| Reply::Closed),
        Call::Fingerprint(order) => files::fingerprint(request, &order).await.map(Reply::Fingerprint),
        Call::PutRest(order) => files::put_rest(request, order, link, messages).await.map(Reply::Stored),
        Call::GetRest(order) => files::get_rest(request, order, link).await.map(Reply::Sent),
        Call::List(order) => files::list(request, &order).await.map(|()| Reply::Listed),
        Call::Make(order) => files::make(&order).map(|()| Reply::Made),
        Call::GrowRoot => grow_root::grow_root().await.map(|bytes| Reply::Grown { bytes }),
    }
}

/// Answered even before the guest is complete.
fn is_served_early(call: &Call) -> bool {
    matches!(call, Call::Ping | Call::Facts | Call::SetClock(_) | Call::PowerOff)
}
