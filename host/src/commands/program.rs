//! From the command line to the exit code: the only place that knows both.

use super::context::CommandContext;
use super::{
    build, clean, config, cp, diff, doctor, exec, image, list, logs, port, provision, status, stop, trace, up,
    validate, versions,
};
use crate::cli::{self, Cli, ImageVerb, KnownSetting, Verb, Verbosity};
use crate::config::ProjectFile;
use crate::report;
use clap::{CommandFactory, FromArgMatches, Parser};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vmbuild_core::context::{Context, Interrupted};
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Exit, Failure, OutputError};
use vmbuild_core::store::Store;

/// The exit code of a verb: our own, or a guest program's.
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
        Err(failure) => return without_project(&failure),
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
        return completions(shell, command);
    }
    // One thread: the kernel ties a child's life to the thread that started it.
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli, known)),
        Err(error) => fail(&vmbuild_core::store::StoreError::Io(error).into()),
    }
}

/// The command line where the project's settings cannot be used: help, version and completions need none.
fn without_project(failure: &Failure) -> ExitCode {
    match Cli::try_parse() {
        Err(refusal) if !refusal.use_stderr() => tell(&refusal),
        Ok(Cli { verb: Verb::Completions { shell }, .. }) => completions(shell, Cli::command()),
        Ok(_) | Err(_) => fail(failure),
    }
}

fn completions(shell: clap_complete::Shell, mut command: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "vmbuild", &mut script);
    written(report::to_stdout(&String::from_utf8_lossy(&script)))
}

/// Help and version go to standard output and are no error; clap knows which is which.
fn tell(refusal: &clap::Error) -> ExitCode {
    let printed = refusal.print();
    if refusal.use_stderr() {
        return ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(Exit::Usage as u8));
    }
    written(report::printed(printed))
}

/// The exit code of a command that only prints.
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

/// The command line's definition, with the settings of the project around the working directory as defaults.
fn definition() -> Result<(Option<ProjectFile>, clap::Command), Failure> {
    let here = std::env::current_dir().map_err(crate::config::ConfigError::Unreadable)?;
    let project = ProjectFile::find(&here)?;
    let command = cli::command(project.as_ref())?;
    Ok((project, command))
}

async fn run(cli: Cli, known: Vec<KnownSetting>) -> ExitCode {
    let (events, receiver) = Events::channel();
    let (lines, traced) = mpsc::unbounded_channel();
    let reporter = tokio::spawn(report::run(format(&cli), receiver, traced));
    let cancel = CancellationToken::new();
    let outcome = tokio::select! {
        outcome = start(cli, known, (events.clone(), lines), cancel.clone()) => outcome,
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

fn format(cli: &Cli) -> report::ReportFormat {
    let asked = match (cli.global.json, cli.global.verbosity()) {
        (true, _) => Some(report::ReportFormat::Json),
        (false, Verbosity::Quiet) => Some(report::ReportFormat::Quiet),
        (false, Verbosity::Levels(_)) => None,
    };
    report::ReportFormat::choose(asked, std::io::stderr().is_terminal())
}

async fn start(
    cli: Cli,
    known: Vec<KnownSetting>,
    (events, lines): (Events, mpsc::UnboundedSender<String>),
    cancel: CancellationToken,
) -> Result<CommandExit, Failure> {
    let store = Store::from_env()?;
    let store = if makes_store(&cli.verb) { store.create()? } else { store };
    trace::install(&store, cli.global.verbosity(), lines)?;
    let context = CommandContext { context: Context { store, events, cancel }, json: cli.global.json };
    match cli.verb {
        Verb::Config(_) => config::config(&context, &known),
        verb => Box::pin(dispatch(&context, verb)).await,
    }
}

/// True for verbs that write to the store. The others find nothing in a store that is missing, and do not create it.
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

/// Time for cleaning up after an interruption.
const WIND_DOWN: Duration = Duration::from_mins(1);

/// Cancels on the first SIGINT, SIGTERM or SIGHUP; resolves on the second, or if cleaning up takes too long.
async fn interruptions(cancel: CancellationToken) {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let Ok(mut signals) = kinds.map(signal).into_iter().collect::<Result<Vec<Signal>, _>>() else {
        return std::future::pending().await;
    };
    any(&mut signals).await;
    cancel.cancel();
    // Either way it is time to go.
    let _ = tokio::time::timeout(WIND_DOWN, any(&mut signals)).await;
}

async fn any(signals: &mut [Signal]) {
    let waits = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(waits).await;
}
