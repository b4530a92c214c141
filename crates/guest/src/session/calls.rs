//! The requests of a session.

use super::error::SessionError;
use super::hello::{HelloPipe, SessionOpening, exchange_hellos};
use super::pump::{Outbound, RequestEvent, RequestTable, pump};
use super::request::{PendingRequest, RequestChannel};
use super::transfer::{self, LocalFile, LocalPrefix};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use vmbuild_core::failure::OutputError;
use vmbuild_core::store::sync_folder;
use vmbuild_protocol::{
    AgentRequest, Check, Clock, Digest, Epoch, Exec, Exited, Facts, FactsRequest, GetFile, Hello, Offered,
    OutputStream, Pack, Package, Packed, PingRequest, PowerOffRequest, Progress, Provision, PutFile, RequestId,
    ResolveRequest, StepDone, Steps, Validate,
};
use vmbuild_supervise::Deadline;

/// How long a request without work in it may take: an emulated guest lists its packages in seconds.
const QUICK: Duration = Duration::from_mins(2);

/// An open session. Requests may overlap. Dropping a request's future cancels it in the guest; dropping the last
/// clone ends the session.
#[derive(Debug, Clone)]
pub struct Session(Arc<SessionState>);

#[derive(Debug)]
struct SessionState {
    channel: RequestChannel,
    peer: Hello,
    next_id: AtomicU32,
    opened: Instant,
    _pump: AbortOnDropHandle<()>,
}

impl Session {
    /// Says hello and waits for the agent's, repeating it (and resynchronising the pipe) until the deadline.
    pub async fn open<P: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        pipe: P,
        opening: SessionOpening,
        deadline: Deadline,
        cancel: &CancellationToken,
    ) -> Result<Self, SessionError> {
        let epoch = Epoch(getrandom::u32().map_err(|error| SessionError::Local(error.into()))?);
        let (reader, mut writer) = tokio::io::split(pipe);
        let mut inbound = FramedRead::new(reader, Outbound::of_session(epoch));
        let pipe = HelloPipe { inbound: &mut inbound, writer: &mut writer };
        let peer = exchange_hellos(epoch, opening, pipe, deadline, cancel).await?;
        let (outgoing, queue) = mpsc::unbounded_channel();
        let requests = Arc::new(RequestTable::default());
        let pump = tokio::spawn(pump(epoch, inbound, writer, queue, requests.clone()));
        let channel = RequestChannel { epoch, outgoing, requests };
        Ok(Self(Arc::new(SessionState {
            channel,
            peer,
            next_id: AtomicU32::new(1),
            opened: Instant::now(),
            _pump: AbortOnDropHandle::new(pump),
        })))
    }

    /// The agent's own hello.
    pub fn peer(&self) -> &Hello {
        &self.0.peer
    }

    /// How long the agent has been silent. The heartbeat pings it after some silence.
    pub fn silent_for(&self) -> Duration {
        self.0.channel.requests.last_heard().unwrap_or(self.0.opened).elapsed()
    }

    /// Sends a request.
    pub(super) fn start<R: AgentRequest>(&self, request: R) -> Result<PendingRequest<'_, R>, SessionError> {
        let id = RequestId(self.0.next_id.fetch_add(1, Ordering::Relaxed));
        PendingRequest::start(&self.0.channel, id, request)
    }

    /// Sends a request and waits for its reply, ignoring everything before it.
    pub(super) async fn request<R: AgentRequest>(
        &self,
        request: R,
        cancel: &CancellationToken,
    ) -> Result<R::Reply, SessionError> {
        self.start(request)?.reply(cancel, |_| Ok(())).await
    }

    /// Sends a request without work in it, which needs no cancel.
    async fn request_quickly<R: AgentRequest>(&self, request: R) -> Result<R::Reply, SessionError> {
        let cancel = CancellationToken::new();
        let reply = self.request(request, &cancel);
        tokio::time::timeout(QUICK, reply).await.map_err(|_| SessionError::NoAnswer { limit: QUICK })?
    }

    /// Round trip of an empty request.
    pub async fn ping(&self) -> Result<Duration, SessionError> {
        let since = Instant::now();
        self.request_quickly(PingRequest).await?;
        Ok(since.elapsed())
    }

    /// Describes the guest.
    pub async fn facts(&self) -> Result<Facts, SessionError> {
        self.request_quickly(FactsRequest).await
    }

    /// Runs a program, handing over its output as it comes. It is cancelled if the output is not accepted.
    pub async fn exec<A: AcceptedConnection>(
        &self,
        exec: Exec,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]) -> A,
    ) -> Result<Exited, SessionError> {
        self.start(exec)?.reply(cancel, on_program_output(on_output)).await
    }

    /// Sends a file. `on_advance` is told how many bytes have been sent.
    pub async fn put_file(
        &self,
        from: &Path,
        to: &str,
        mode: u32,
        cancel: &CancellationToken,
        on_advance: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let mut file = fs_err::File::open(from).map_err(SessionError::Local)?;
        let size = file.metadata().map_err(SessionError::Local)?.len();
        let pending = self.start(PutFile { path: to.to_owned(), mode, size })?;
        let source = LocalFile { file: &mut file, prefix: LocalPrefix::default(), path: from };
        transfer::send_file(pending, source, cancel, on_advance).await
    }

    /// Fetches a file to a local path; it appears there only when whole and equal.
    pub async fn get_file(
        &self,
        from: &str,
        to: &Path,
        cancel: &CancellationToken,
        on_advance: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let to = &vmbuild_archive::replaceable(to).map_err(|error| SessionError::Local(error.into()))?;
        let folder = to.parent().ok_or_else(|| SessionError::Local(std::io::ErrorKind::InvalidInput.into()))?;
        let mut arriving = tempfile::Builder::new()
            .prefix(".arriving-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(SessionError::Local)?;
        let pending = self.start(GetFile { path: from.to_owned() })?;
        let target = LocalFile { file: arriving.as_file_mut(), prefix: LocalPrefix::default(), path: to };
        let got = transfer::receive_file(pending, target, cancel, on_advance).await?;
        arriving.as_file().sync_all().map_err(SessionError::Local)?;
        arriving.persist(to).map_err(|refused| SessionError::Local(refused.error))?;
        sync_folder(folder).map_err(SessionError::Local)?;
        Ok(got)
    }

    /// Installs packages.
    pub async fn provision(
        &self,
        provision: Provision,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<Package>, SessionError> {
        self.start(provision)?.reply(cancel, on_program_output(on_output)).await
    }

    /// Asks which packages an installation would download.
    pub async fn resolve(
        &self,
        provision: Provision,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<Offered>, SessionError> {
        self.start(ResolveRequest(provision))?.reply(cancel, on_program_output(on_output)).await
    }

    /// Runs a recipe. `on_progress` sees each step, `on_output` the running step's output.
    pub async fn build(
        &self,
        steps: Steps,
        cancel: &CancellationToken,
        mut on_progress: impl FnMut(Progress),
        mut on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<StepDone>, SessionError> {
        let on_event = |event| {
            match event {
                RequestEvent::Progress(progress) => on_progress(progress),
                RequestEvent::Output(stream, bytes) => on_output(stream, &bytes),
                _ => {}
            }
            Ok(())
        };
        self.start(steps)?.reply(cancel, on_event).await
    }

    /// Packs a tree.
    pub async fn pack(&self, pack: Pack, cancel: &CancellationToken) -> Result<Packed, SessionError> {
        self.request(pack, cancel).await
    }

    /// Runs the checks. `on_check` gets each as soon as it has a verdict.
    pub async fn validate(
        &self,
        validate: Validate,
        cancel: &CancellationToken,
        mut on_check: impl FnMut(Check),
    ) -> Result<Vec<Check>, SessionError> {
        let on_event = |event| {
            if let RequestEvent::Progress(Progress::Checked(check)) = event {
                on_check(check);
            }
            Ok(())
        };
        self.start(validate)?.reply(cancel, on_event).await
    }

    /// Sets the guest's clock without waiting for the reply. The agent does so before it begins any later request; where
    /// it cannot, the clock stays as it is.
    pub fn set_clock(&self, clock: Clock) {
        if let Ok(pending) = self.start(clock) {
            pending.detach();
        }
    }

    /// Ends the machine (or the agent, where it is an ordinary process).
    pub async fn power_off(&self) -> Result<(), SessionError> {
        match self.request_quickly(PowerOffRequest).await {
            // The machine may be gone before its reply has left.
            Err(SessionError::Lost) => Ok(()),
            ended => ended,
        }
    }
}

/// The result of a callback for a program's output: nothing if it accepts everything, else whether it accepted this
/// piece.
pub trait AcceptedConnection {
    /// The error if it did not.
    fn accepted(self) -> Result<(), OutputError>;
}

impl AcceptedConnection for () {
    fn accepted(self) -> Result<(), OutputError> {
        Ok(())
    }
}

impl AcceptedConnection for Result<(), OutputError> {
    fn accepted(self) -> Result<(), OutputError> {
        self
    }
}

/// Adapts a callback for output to one for all events of a request.
pub(super) fn on_program_output<A: AcceptedConnection>(
    mut on_output: impl FnMut(OutputStream, &[u8]) -> A,
) -> impl FnMut(RequestEvent) -> Result<(), SessionError> {
    move |event| match event {
        RequestEvent::Output(stream, bytes) => Ok(on_output(stream, &bytes).accepted()?),
        _ => Ok(()),
    }
}
