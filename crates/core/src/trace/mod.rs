//! The trace: decisions, retries, waits and races, for whoever looks for the cause of a problem in the field.
//!
//! Events are for people who follow a command; the trace is for those who ask afterwards why it did what it did. It is
//! always written: into the store's `cache/trace/`, one file per command, and for a named machine also into `trace.log`
//! in the machine's folder, across commands. A machine is recognised by its [span](machine_span), so that a process that
//! works with many machines at once keeps them apart.

mod file;

use file::TraceFile;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The trace's name in a machine's folder.
pub const MACHINE_TRACE: &str = "trace.log";

/// Filter for the files: everything of ours that is worth keeping, and the rest's own news.
pub const FILE_FILTER: &str = "info,vmbuild=debug";

const SPAN: &str = "machine";
const FOLDER: &str = "folder";

/// The span of work with one named machine. Its trace also goes into the machine's folder, as soon as that exists.
pub fn machine_span(folder: &Path) -> Span {
    tracing::info_span!("machine", folder = %folder.display())
}

/// Writes the trace into files. Install it with [`FILE_FILTER`].
#[derive(Debug)]
pub struct TraceFiles(Mutex<TraceFile>);

impl TraceFiles {
    /// Writes into a new file of the cache, which begins with `header`. It is made when there is something to write; a
    /// cache that does not exist is not made.
    pub fn in_cache(cache: &Path, header: &str) -> Self {
        Self(Mutex::new(TraceFile::new_in_cache(cache, header)))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TraceFiles {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut folder = FolderField::default();
        if attributes.metadata().name() == SPAN {
            attributes.record(&mut folder);
        }
        if let (Some(folder), Some(span)) = (folder.0, context.span(id)) {
            span.extensions_mut().insert(TraceFile::at(folder.join(MACHINE_TRACE)));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = line(event);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(&line);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(file) = span.extensions_mut().get_mut::<TraceFile>() {
                file.write(&line);
            }
        }
    }
}

/// `2026-11-27T10:00:00.123Z DEBUG vmbuild_machine::choose: sandbox works`.
fn line(event: &Event<'_>) -> String {
    let (about, mut fields) = (event.metadata(), String::new());
    // A string takes everything.
    let _ = DefaultFields::new().format_fields(Writer::new(&mut fields), event);
    let now = jiff::Timestamp::now();
    format!("{now:.3} {:5} {}: {}\n", about.level().as_str(), about.target(), fields.replace('\n', "\\n"))
}

/// The value of a span's field `folder`.
#[derive(Default)]
struct FolderField(Option<PathBuf>);

impl Visit for FolderField {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == FOLDER {
            self.0 = Some(PathBuf::from(format!("{value:?}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE_FILTER, MACHINE_TRACE, TraceFiles, machine_span};
    use crate::store::entries;
    use std::path::Path;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{EnvFilter, Layer};

    /// Runs `work` with a trace in this cache.
    fn traced(cache: &Path, work: impl FnOnce()) {
        let filter = EnvFilter::try_new(FILE_FILTER).expect("a filter");
        let files = TraceFiles::in_cache(cache, "vmbuild test").with_filter(filter);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(files), work);
    }

    fn commands(cache: &Path) -> Vec<String> {
        let files = entries(&cache.join("trace")).expect("it is read").into_iter().map(|entry| entry.path());
        files.map(|path| fs_err::read_to_string(path).expect("a trace")).collect()
    }

    #[test]
    fn a_machine_has_its_own_lines_even_from_before_its_folder() {
        let store = tempfile::tempdir().expect("a folder");
        let (one, other) = (store.path().join("one"), store.path().join("other"));
        traced(store.path(), || {
            machine_span(&one).in_scope(|| tracing::info!("before"));
            let span = machine_span(&one);
            span.in_scope(|| tracing::info!(attempt = 2, "early\nnews"));
            fs_err::create_dir(&one).expect("a folder");
            span.in_scope(|| tracing::debug!("later"));
            machine_span(&other).in_scope(|| tracing::info!("elsewhere"));
        });
        let text = fs_err::read_to_string(one.join(MACHINE_TRACE)).expect("a trace");
        let lines: Vec<&str> = text.lines().filter_map(|line| line.split_once("Z ")).map(|(_, rest)| rest).collect();
        assert_eq!(
            lines,
            ["INFO  vmbuild_core::trace::tests: early\\nnews attempt=2", "DEBUG vmbuild_core::trace::tests: later",]
        );
        assert!(!other.exists(), "a trace makes no machine");
        let whole = commands(store.path());
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].lines().count(), 5, "{whole:?}");
        assert!(whole[0].starts_with("vmbuild test\n"), "{whole:?}");
    }

    #[test]
    fn what_is_not_worth_keeping_makes_no_file() {
        let store = tempfile::tempdir().expect("a folder");
        traced(store.path(), || tracing::trace!("detail"));
        traced(store.path(), || tracing::debug!(target: "hyper", "detail"));
        traced(&store.path().join("missing"), || tracing::info!("news"));
        assert!(commands(store.path()).is_empty());
        assert!(!store.path().join("missing").exists());
    }

    #[test]
    fn only_the_newest_commands_are_kept() {
        let store = tempfile::tempdir().expect("a folder");
        fs_err::create_dir(store.path().join("trace")).expect("a folder");
        for number in 0..40 {
            fs_err::write(store.path().join(format!("trace/19700101T0000{number:02}-1.log")), "old\n").expect("a file");
        }
        traced(store.path(), || tracing::info!("new"));
        let kept = commands(store.path());
        assert_eq!(kept.len(), 20);
        assert_eq!(kept.iter().filter(|text| text.contains("new")).count(), 1);
    }
}
