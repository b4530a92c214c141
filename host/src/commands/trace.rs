//! The trace of one command: files always, standard error if asked to.

use crate::cli::Verbosity;
use std::io::{self, Write};
use tokio::sync::mpsc::UnboundedSender;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer};
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_core::store::Store;
use vmbuild_core::trace::{FILE_FILTER, TraceFiles};

/// The variable with a filter for standard error.
const VARIABLE: &str = "VMBUILD_LOG";

/// `VMBUILD_LOG` is not a filter.
#[derive(Debug, thiserror::Error)]
#[error("invalid value `{value}` of {VARIABLE}")]
pub(super) struct FilterError {
    value: String,
    #[source]
    source: ParseError,
}

impl Diagnose for FilterError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["use a level such as `debug`, or `vmbuild_machine=trace,info`".to_owned()]
    }
}

/// Starts tracing. Lines for standard error go to the reporter, which knows what else is on the terminal.
pub(super) fn install(store: &Store, verbosity: Verbosity, lines: UnboundedSender<String>) -> Result<(), FilterError> {
    let parse =
        |text: &str| EnvFilter::builder().parse(text).map_err(|source| FilterError { value: text.to_owned(), source });
    let shown = filter(verbosity, std::env::var(VARIABLE).ok()).map(|text| parse(&text)).transpose()?;
    let stderr = shown.map(|filter| {
        let writer = move || LineSender(lines.clone());
        tracing_subscriber::fmt::layer().with_ansi(false).with_timer(uptime()).with_writer(writer).with_filter(filter)
    });
    let header = format!("vmbuild {}", crate::cli::version());
    let files = TraceFiles::in_cache(&store.cache(), &header).with_filter(parse(FILE_FILTER)?);
    // Refused only where a test of this process has installed one.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(files).with(stderr));
    Ok(())
}

/// The filter for standard error, if anything is to be shown. Options win over the variable. Events are shown anyway.
fn filter(verbosity: Verbosity, variable: Option<String>) -> Option<String> {
    match (verbosity, variable.filter(|value| !value.is_empty())) {
        (Verbosity::Levels(0), Some(value)) => Some(value),
        (Verbosity::Quiet | Verbosity::Levels(0), _) => None,
        (Verbosity::Levels(1), _) => Some("info,vmbuild_core::event=off".to_owned()),
        (Verbosity::Levels(2), _) => Some("info,vmbuild=debug,vmbuild_core::event=off".to_owned()),
        (Verbosity::Levels(_), _) => Some("debug,vmbuild=trace".to_owned()),
    }
}

/// Sends what is written as one line: the formatter writes each event in one go.
struct LineSender(UnboundedSender<String>);

impl Write for LineSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once the reporter has ended, nobody reads the trace on standard error.
        let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{EnvFilter, filter};
    use crate::cli::Verbosity;

    #[test]
    fn options_win_over_the_variable() {
        let check = |verbosity, variable: Option<&str>, expect: Option<&str>| {
            let found = filter(verbosity, variable.map(str::to_owned));
            assert_eq!(found.as_deref(), expect, "{verbosity:?} {variable:?}");
            assert!(found.is_none_or(|text| EnvFilter::builder().parse(text).is_ok()));
        };
        check(Verbosity::Levels(0), None, None);
        check(Verbosity::Levels(0), Some(""), None);
        check(Verbosity::Levels(0), Some("vmbuild_guest=trace"), Some("vmbuild_guest=trace"));
        check(Verbosity::Levels(1), Some("trace"), Some("info,vmbuild_core::event=off"));
        check(Verbosity::Levels(2), None, Some("info,vmbuild=debug,vmbuild_core::event=off"));
        check(Verbosity::Levels(9), None, Some("debug,vmbuild=trace"));
        check(Verbosity::Quiet, Some("trace"), None);
    }
}
