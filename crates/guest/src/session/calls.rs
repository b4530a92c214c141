//! What a session can be asked for.

use super::error::SessionError;
use super::hello::{Opening, greet};
use super::pump::{Outbound, RequestEvent, RequestTable, pump};
use super::request::{PendingRequest, RequestChannel};
use super::transfer::{self, LocalPrefix};
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
    Call, Check, Clock, Digest, Epoch, Exec, Exited, Facts, GetFile, Hello, Offered, OutputStream, Pack, Package,
    Packed, Progress, Provision, PutFile, Reply, RequestId, StepDone, Steps, Validate,
};
use vmbuild_supervise::Deadline;

/// How long a request without work in it may take: an emulated guest lists its packages in seconds.
const QUICK: Duration = Duration::from_mins(2);

/// An open session. Requests may overlap. Dropping a request's future cancels it in the guest; dropping the last
/// clone ends the session.
#[derive(Debug, Clone)]
pub struct Session(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    line: RequestChannel,
    peer: Hello,
    next: AtomicU32,
    opened: Instant,
    _pump: AbortOnDropHandle<()>,
}

impl Session {
    /// Says hello and waits for the agent's, repeating it (and resynchronising the pipe) until the deadline.
    pub async fn open<P: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        pipe: P,
        opening: Opening,
        deadline: Deadline,
        cancel: &CancellationToken,
    ) -> Result<Self, SessionError> {
        let epoch = Epoch(getrandom::u32().map_err(|error| SessionError::Local(error.into()))?);
        let (reader, mut writer) = tokio::io::split(pipe);
        let mut inbound = FramedRead::new(reader, Outbound::of_session(epoch));
        let peer = greet(epoch, opening, (&mut inbound, &mut writer), deadline, cancel).await?;
        let (outgoing, queue) = mpsc::unbounded_channel();
        let desk = Arc::new(RequestTable::default());
        let pump = tokio::spawn(pump(epoch, inbound, writer, queue, desk.clone()));
        let line = RequestChannel { epoch, outgoing, desk };
        Ok(Self(Arc::new(Shared {
            line,
            peer,
            next: AtomicU32::new(1),
            opened: Instant::now(),
            _pump: AbortOnDropHandle::new(pump),
        })))
    }

    /// What the agent said of itself.
    pub fn peer(&self) -> &Hello {
        &self.0.peer
    }

    /// For how long nothing has been heard of the agent: the measure of a heartbeat, which is a ping after some
    /// silence.
    pub fn silent_for(&self) -> Duration {
        self.0.line.desk.last_heard().unwrap_or(self.0.opened).elapsed()
    }

    pub(super) fn ask(&self, call: Call) -> Result<PendingRequest<'_>, SessionError> {
        let id = RequestId(self.0.next.fetch_add(1, Ordering::Relaxed));
        PendingRequest::ask(&self.0.line, id, call)
    }

    /// Asks for something that needs no cancel and says nothing before its answer.
    async fn quick(&self, call: Call) -> Result<Reply, SessionError> {
        let cancel = CancellationToken::new();
        let answer = self.ask(call)?.answer(&cancel, |_| Ok(()));
        tokio::time::timeout(QUICK, answer).await.map_err(|_| SessionError::NoAnswer { limit: QUICK })?
    }

    /// Round trip of an empty request.
    pub async fn ping(&self) -> Result<Duration, SessionError> {
        let since = Instant::now();
        match self.quick(Call::Ping).await? {
            Reply::Pong => Ok(since.elapsed()),
            _ => Err(SessionError::WrongAnswer { asked: "ping" }),
        }
    }

    /// Describes the guest.
    pub async fn facts(&self) -> Result<Facts, SessionError> {
        match self.quick(Call::Facts).await? {
            Reply::Facts(facts) => Ok(facts),
            _ => Err(SessionError::WrongAnswer { asked: "facts" }),
        }
    }

    /// Runs a program, handing over its output as it comes. It is cancelled if the output is not accepted.
    pub async fn exec<A: Accepted>(
        &self,
        exec: Exec,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]) -> A,
    ) -> Result<Exited, SessionError> {
        match self.ask(Call::Exec(exec))?.answer(cancel, output(on_output)).await? {
            Reply::Exited(exited) => Ok(exited),
            _ => Err(SessionError::WrongAnswer { asked: "exec" }),
        }
    }

    /// Sends a file. `advanced` hears how many bytes have been sent.
    pub async fn put_file(
        &self,
        from: &Path,
        to: &str,
        mode: u32,
        cancel: &CancellationToken,
        advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let mut file = fs_err::File::open(from).map_err(SessionError::Local)?;
        let size = file.metadata().map_err(SessionError::Local)?.len();
        let asked = self.ask(Call::PutFile(PutFile { path: to.to_owned(), mode, size }))?;
        transfer::send(asked, (&mut file, LocalPrefix::default()), from, cancel, advanced).await
    }

    /// Fetches a file to a local path; it appears there only when whole and equal.
    pub async fn get_file(
        &self,
        from: &str,
        to: &Path,
        cancel: &CancellationToken,
        advanced: impl FnMut(u64),
    ) -> Result<Digest, SessionError> {
        let to = &vmbuild_archive::replaceable(to).map_err(|error| SessionError::Local(error.into()))?;
        let folder = to.parent().ok_or_else(|| SessionError::Local(std::io::ErrorKind::InvalidInput.into()))?;
        let mut arriving = tempfile::Builder::new()
            .prefix(".arriving-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(SessionError::Local)?;
        let asked = self.ask(Call::GetFile(GetFile { path: from.to_owned() }))?;
        let got =
            transfer::receive(asked, (arriving.as_file_mut(), LocalPrefix::default()), to, cancel, advanced).await?;
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
        match self.ask(Call::Provision(provision))?.answer(cancel, output(on_output)).await? {
            Reply::Provisioned(packages) => Ok(packages),
            _ => Err(SessionError::WrongAnswer { asked: "provision" }),
        }
    }

    /// Asks what installing packages would take from the archives.
    pub async fn resolve(
        &self,
        provision: Provision,
        cancel: &CancellationToken,
        on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<Offered>, SessionError> {
        match self.ask(Call::Resolve(provision))?.answer(cancel, output(on_output)).await? {
            Reply::Resolved(offered) => Ok(offered),
            _ => Err(SessionError::WrongAnswer { asked: "resolve" }),
        }
    }

    /// Runs a recipe. `on_progress` sees each step, `on_output` the running step's output.
    pub async fn build(
        &self,
        steps: Steps,
        cancel: &CancellationToken,
        mut on_progress: impl FnMut(Progress),
        mut on_output: impl FnMut(OutputStream, &[u8]),
    ) -> Result<Vec<StepDone>, SessionError> {
        let on_heard = |heard| {
            match heard {
                RequestEvent::Progress(progress) => on_progress(progress),
                RequestEvent::Output(stream, bytes) => on_output(stream, &bytes),
                _ => {}
            }
            Ok(())
        };
        match self.ask(Call::Build(steps))?.answer(cancel, on_heard).await? {
            Reply::Built(done) => Ok(done),
            _ => Err(SessionError::WrongAnswer { asked: "build" }),
        }
    }

    /// Packs a tree.
    pub async fn pack(&self, pack: Pack, cancel: &CancellationToken) -> Result<Packed, SessionError> {
        match self.ask(Call::Pack(pack))?.answer(cancel, |_| Ok(())).await? {
            Reply::Packed(packed) => Ok(packed),
            _ => Err(SessionError::WrongAnswer { asked: "pack" }),
        }
    }

    /// Runs the checks. `on_check` sees each as it has its verdict.
    pub async fn validate(
        &self,
        validate: Validate,
        cancel: &CancellationToken,
        mut on_check: impl FnMut(Check),
    ) -> Result<Vec<Check>, SessionError> {
        let on_heard = |heard| {
            if let RequestEvent::Progress(Progress::Checked(check)) = heard {
                on_check(check);
            }
            Ok(())
        };
        match self.ask(Call::Validate(validate))?.answer(cancel, on_heard).await? {
            Reply::Validated(checks) => Ok(checks),
            _ => Err(SessionError::WrongAnswer { asked: "validate" }),
        }
    }

    /// Sets the guest's clock. The agent does so before it begins what it is asked afterwards; nobody waits for its
    /// answer, and one that cannot keeps the clock it has.
    pub fn tell_clock(&self, clock: Clock) {
        if let Ok(asked) = self.ask(Call::SetClock(clock)) {
            asked.leave();
        }
    }

    /// Ends the machine (or the agent, where it is an ordinary process).
    pub async fn power_off(&self) -> Result<(), SessionError> {
        match self.quick(Call::PowerOff).await {
            // The machine may be gone before its answer has left.
            Ok(Reply::Ending) | Err(SessionError::Lost) => Ok(()),
            Ok(_) => Err(SessionError::WrongAnswer { asked: "power-off" }),
            Err(error) => Err(error),
        }
    }
}

/// What a listener to a program's output returns: nothing if it takes everything, else whether it took this piece.
pub trait Accepted {
    /// The reason why it did not.
    fn accepted(self) -> Result<(), OutputError>;
}

impl Accepted for () {
    fn accepted(self) -> Result<(), OutputError> {
        Ok(())
    }
}

impl Accepted for Result<(), OutputError> {
    fn accepted(self) -> Result<(), OutputError> {
        self
    }
}

pub(super) fn output<A: Accepted>(
    mut on_output: impl FnMut(OutputStream, &[u8]) -> A,
) -> impl FnMut(RequestEvent) -> Result<(), SessionError> {
    move |heard| match heard {
        RequestEvent::Output(stream, bytes) => Ok(on_output(stream, &bytes).accepted()?),
        _ => Ok(()),
    }
}
