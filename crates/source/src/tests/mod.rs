//! Sources obtained from real servers of this process: nothing between the code and a socket is simulated.

mod debian;
mod download;
mod evidence;
mod places;

use crate::expected::{ExpectedArchive, ExpectedArchives};
use crate::fetch_source::fetch_expected;
use crate::{DebianArchive, FileOrUrl, RetryPolicy, SignerTable, SourceArchive, SourceError, SourceSettings};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::Sha256;
use vmbuild_core::event::{Event, EventKind, Events, Part};
use vmbuild_core::store::Store;
use vmbuild_testkit::http_server::HttpServer;

/// A store and the places to look in, thrown away at the end.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    settings: SourceSettings,
    events: Events,
    seen: UnboundedReceiver<Event>,
    cancel: CancellationToken,
}

impl World {
    /// One where python.org is `server`, and there is no Debian archive.
    fn new(server: &HttpServer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(&folder.path().join("store")).expect("a store");
        let retry = RetryPolicy {
            connect: Duration::from_secs(5),
            stall: Duration::from_millis(400),
            tries: 3,
            backoff: Duration::from_millis(5),
        };
        let debian_archive = DebianArchive::At(server.url("no-debian"));
        let settings =
            SourceSettings { python_org: server.url(""), debian_archive, retry, signers: SignerTable::Shipped };
        let (events, seen) = Events::channel();
        Self { folder, store, settings, events, seen, cancel: CancellationToken::new() }
    }

    async fn fetch_source(
        &self,
        expected: ExpectedArchives,
        given: Option<FileOrUrl>,
    ) -> Result<SourceArchive, SourceError> {
        fetch_expected(expected, given.as_ref(), &self.store, &self.settings, &self.events, &self.cancel).await
    }

    /// Files in the store below `sources`, without the locks.
    fn kept(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.store.sources()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                match path.is_dir() {
                    true => folders.push(path),
                    false if name == ".lock" => {}
                    false => files.push(name),
                }
            }
        }
        files.sort();
        files
    }

    /// The path of a new file with these contents.
    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, contents).expect("writing");
        path
    }

    fn warnings(&mut self) -> Vec<String> {
        let mut warnings = Vec::new();
        while let Ok(event) = self.seen.try_recv() {
            if let EventKind::Warning { part: Part::Source, text } = event.kind {
                warnings.push(text);
            }
        }
        warnings
    }
}

fn digest(contents: &[u8]) -> Sha256 {
    <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(contents)).into()
}

/// A release of `version` with one pinned archive.
fn pinned(version: &str, file: &str, contents: &[u8]) -> ExpectedArchives {
    let wanted = ExpectedArchive { file: file.to_owned(), sha256: digest(contents), suite: None };
    ExpectedArchives::pinned(&version.parse().expect("a version"), vec![wanted])
}
