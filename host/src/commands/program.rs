//! From the command line to the exit code: the only place that knows both.

use super::context::CommandContext;
use super::{
    build, clean, config, cp, diff, doctor, exec, image, list, logs, port, provision, status, stop, up, validate,
    versions,
};
use crate::cli::{self, Cli, ImageVerb, KnownSetting, Verb};
use crate::config::ProjectFile;
use crate::report;
use clap::FromArgMatches;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vmbuild_core::context::{Context, Interrupted};
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Exit, Failure, OutputError};
use vmbuild_core::store::Store;

/// How a verb ended: with one of our own codes, or with a guest program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandExit {
    /// Ours.
    Ours(Exit),
    /// The guest program's, 0 to 255.
    Guest(u8),
}

impl From<Exit> for CommandExit {
    fn from(exit: Exit) -> Self {
        Self::Ours(exit)
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let (project, command) = match definition() {
        Ok(definition) => definition,
        Err(failure) => return fail(&failure),
    };
    let parsed = command.clone().try_get_matches();
    let (cli, known) = match parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches))) {
        Ok((cli, matches)) => {
            let of_config = matches.subcommand_matches("config");
            (cli, of_config.map(|matches| cli::known(matches, project.as_ref())).unwrap_or_default())
        }
        Err(refusal) => return tell(&refusal),
    };
    if let Verb::Completions { shell } = cli.verb {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut { command }, "vmbuild", &mut script);
        return written(report::to_stdout(&String::from_utf8_lossy(&script)));
    }
    // One thread: the kernel ties a child's life to the thread that started it.
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli, known)),
        Err(error) => fail(&vmbuild_core::store::StoreError::Io(error).into()),
    }
}

/// Help and version go to standard output and are no error; clap knows which is which.
fn tell(refusal: &clap::Error) -> ExitCode {
    let printed = refusal.print();
    if refusal.use_stderr() {
        return ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(Exit::Usage as u8));
    }
    written(report::printed(printed))
}

/// How a command ends that only prints.
fn written(outcome: Result<(), OutputError>) -> ExitCode {
    match outcome {
        Ok(()) => Exit::Success.into(),
        Err(refused) => fail(&refused.into()),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    report::fail(report::ReportFormat::Plain, failure);
    failure.exit().into()
}

/// The command line's definition, with the defaults of the project one stands in.
fn definition() -> Result<(Option<ProjectFile>, clap::Command), Failure> {
    let here = std::env::current_dir().map_err(crate::config::ConfigError::Unreadable)?;
    let project = ProjectFile::find(&here)?;
    let command = cli::command(project.as_ref())?;
    Ok((project, command))
}

async fn run(cli: Cli, known: Vec<KnownSetting>) -> ExitCode {
    let format = report::ReportFormat::choose(cli.json, std::io::stderr().is_terminal());
    let (events, receiver) = Events::channel();
    let reporter = tokio::spawn(report::run(format, receiver));
    let cancel = CancellationToken::new();
    let outcome = tokio::select! {
        outcome = start(cli, known, events.clone(), cancel.clone()) => outcome,
        // Only after a second signal, or if winding down takes too long: dropping the work kills what it started.
        () = interruptions(cancel) => Err(Interrupted.into()),
    };
    let ending = outcome.unwrap_or_else(|failure| {
        events.emit(report::error_event(&failure));
        failure.exit().into()
    });
    drop(events);
    // The reporter ends when the last sender is gone; a panic in it has been printed already.
    let refused = reporter.await.ok().and_then(Result::err).map(|refused| fail(&refused.into()));
    match (ending, refused) {
        (CommandExit::Ours(Exit::Success), Some(refused)) => refused,
        (CommandExit::Ours(exit), _) => exit.into(),
        (CommandExit::Guest(code), _) => ExitCode::from(code),
    }
}

async fn start(
    cli: Cli,
    known: Vec<KnownSetting>,
    events: Events,
    cancel: CancellationToken,
) -> Result<CommandExit, Failure> {
    let store = Store::from_env()?;
    let store = if makes_store(&cli.verb) { store.create()? } else { store };
    let context = CommandContext { context: Context { store, events, cancel }, json: cli.json };
    match cli.verb {
        Verb::Config(_) => config::config(&context, &known),
        verb => Box::pin(dispatch(&context, verb)).await,
    }
}

/// Whether a verb puts something into the store. The others find nothing in one that is missing, and leave it so.
fn makes_store(verb: &Verb) -> bool {
    match verb {
        Verb::Up(_)
        | Verb::Build(_)
        | Verb::Plan(_)
        | Verb::Reproduce(_)
        | Verb::Validate(_)
        | Verb::Provision(_)
        | Verb::Reload(_)
        | Verb::Image(ImageVerb::Fetch(_) | ImageVerb::Update(_) | ImageVerb::Build(_) | ImageVerb::Export(_)) => true,
        Verb::Status
        | Verb::Exec(_)
        | Verb::Diff(_)
        | Verb::Versions
        | Verb::List
        | Verb::Ssh(_)
        | Verb::Cp(_)
        | Verb::Logs(_)
        | Verb::Port(_)
        | Verb::Halt(_)
        | Verb::Destroy(_)
        | Verb::Clean(_)
        | Verb::Config(_)
        | Verb::Image(ImageVerb::List | ImageVerb::Show(_) | ImageVerb::Verify(_) | ImageVerb::Prune(_))
        | Verb::Doctor(_)
        | Verb::Completions { .. } => false,
    }
}

async fn dispatch(context: &CommandContext, verb: Verb) -> Result<CommandExit, Failure> {
    match verb {
        Verb::Up(args) => up::up(context, args).await,
        Verb::Status => status::status(context).await,
        Verb::Exec(args) => exec::exec(context, args).await,
        Verb::Build(args) => Box::pin(build::build(context, args)).await,
        Verb::Plan(wanted) => build::plan(context, wanted).await,
        Verb::Reproduce(args) => build::reproduce(context, args).await,
        Verb::Diff(args) => diff::diff(context, args).await,
        Verb::Validate(args) => validate::validate(context, args).await,
        Verb::Versions => versions::versions(context),
        Verb::List => list::list(context).await,
        Verb::Ssh(args) => exec::ssh(context, args).await,
        Verb::Cp(args) => cp::cp(context, args).await,
        Verb::Provision(args) => provision::provision(context, args).await,
        Verb::Logs(args) => logs::logs(context, args).await,
        Verb::Port(args) => port::port(context, args).await,
        Verb::Halt(args) => stop::halt(context, args).await,
        Verb::Reload(args) => stop::reload(context, args).await,
        Verb::Destroy(args) => stop::destroy(context, args).await,
        Verb::Clean(args) => clean::clean(context, args).await,
        Verb::Image(verb) => image::image(context, verb).await,
        Verb::Doctor(args) => doctor::doctor(context, args).await,
        Verb::Completions { .. } | Verb::Config(_) => Ok(Exit::Success.into()),
    }
}

/// How long the work has to wind down after it was asked to.
const WIND_DOWN: Duration = Duration::from_mins(1);

/// Cancels on the first SIGINT, SIGTERM or SIGHUP; resolves on the second, or when the work does not wind down.
async fn interruptions(cancel: CancellationToken) {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut signals) = kinds.map(signal).into_iter().collect::<Result<Vec<Signal>, _>>() else {
        return std::future::pending().await;
    };
    any(&mut signals).await;
    cancel.cancel();
    // Late or insisted upon: either way it is time to go.
    let _ = tokio::time::timeout(WIND_DOWN, any(&mut signals)).await;
}

async fn any(signals: &mut [Signal]) {
    let waits = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(waits).await;
}
