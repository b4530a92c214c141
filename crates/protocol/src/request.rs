//! Requests to the agent, each paired with the type of its reply.
//!
//! On the wire a [`Call`] is answered by some [`Reply`]; only the protocol says which one belongs to which call. Here
//! the compiler says it, so a caller gets the reply's contents and nobody matches on variants that cannot come.

use crate::{
    Call, Check, Clock, Connect, Digest, Exec, Exited, Facts, Fingerprint, GetFile, GetRest, Interactive, List, Make,
    Offered, Pack, Package, Packed, Provision, PutFile, PutRest, Reply, StepDone, Steps, Validate,
};

/// A request to the agent.
pub trait AgentRequest {
    /// The contents of the reply.
    type Reply;

    /// Its name in messages.
    const NAME: &'static str;

    /// The call to be sent.
    fn into_call(self) -> Call;

    /// The contents of a reply to this request; none if the reply answers another one.
    fn from_reply(reply: Reply) -> Option<Self::Reply>;
}

/// Measures the round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingRequest;

/// Asks for a description of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsRequest;

/// Ends the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerOffRequest;

/// Grows the root file system to the end of its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowRootRequest;

/// Asks which packages an installation would download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveRequest(pub Provision);

/// Implements [`AgentRequest`]: name, request, reply, call, and the pattern of the reply with its contents.
macro_rules! agent_requests {
    ($($name:literal: $request:ty => $reply:ty, $into_call:expr, $pattern:pat => $contents:expr;)*) => {$(
        impl AgentRequest for $request {
            type Reply = $reply;
            const NAME: &'static str = $name;

            fn into_call(self) -> Call {
                let into_call: fn(Self) -> Call = $into_call;
                into_call(self)
            }

            fn from_reply(reply: Reply) -> Option<$reply> {
                match reply {
                    $pattern => Some($contents),
                    _ => None,
                }
            }
        }
    )*};
}

agent_requests! {
    "ping": PingRequest => (), |_| Call::Ping, Reply::Pong => ();
    "facts": FactsRequest => Facts, |_| Call::Facts, Reply::Facts(facts) => facts;
    "exec": Exec => Exited, Call::Exec, Reply::Exited(exited) => exited;
    "put-file": PutFile => Digest, Call::PutFile, Reply::Stored(digest) => digest;
    "get-file": GetFile => Digest, Call::GetFile, Reply::Sent(digest) => digest;
    "provision": Provision => Vec<Package>, Call::Provision, Reply::Provisioned(packages) => packages;
    "build": Steps => Vec<StepDone>, Call::Build, Reply::Built(steps) => steps;
    "pack": Pack => Packed, Call::Pack, Reply::Packed(packed) => packed;
    "validate": Validate => Vec<Check>, Call::Validate, Reply::Validated(checks) => checks;
    "set-clock": Clock => (), Call::SetClock, Reply::ClockSet => ();
    "power-off": PowerOffRequest => (), |_| Call::PowerOff, Reply::Ending => ();
    "interactive": Interactive => Exited, Call::Interactive, Reply::Exited(exited) => exited;
    "connect": Connect => (), Call::Connect, Reply::Closed => ();
    "fingerprint": Fingerprint => Digest, Call::Fingerprint, Reply::Fingerprint(digest) => digest;
    "put-rest": PutRest => Digest, Call::PutRest, Reply::Stored(digest) => digest;
    "get-rest": GetRest => Digest, Call::GetRest, Reply::Sent(digest) => digest;
    "list": List => (), Call::List, Reply::Listed => ();
    "make": Make => (), Call::Make, Reply::Made => ();
    "grow-root": GrowRootRequest => u64, |_| Call::GrowRoot, Reply::Grown { bytes } => bytes;
    "resolve": ResolveRequest => Vec<Offered>, |request| Call::Resolve(request.0), Reply::Resolved(offered) => offered;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_takes_its_own_reply_and_no_other() {
        assert_eq!(PingRequest.into_call(), Call::Ping);
        assert_eq!(PingRequest::from_reply(Reply::Pong), Some(()));
        assert_eq!(PingRequest::from_reply(Reply::Ending), None);
        assert_eq!(GrowRootRequest::from_reply(Reply::Grown { bytes: 7 }), Some(7));
        let digest = Digest { bytes: 1, sha256: [2; 32] };
        assert_eq!(GetFile::from_reply(Reply::Sent(digest)), Some(digest));
        assert_eq!(GetFile::from_reply(Reply::Stored(digest)), None);
        let list = List { path: "/a".to_owned(), depth: 1 };
        assert_eq!(list.clone().into_call(), Call::List(list));
    }
}
