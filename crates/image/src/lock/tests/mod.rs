//! A real apt against a real archive: made here, signed here, served here, and served badly.

mod archive;
mod behaviour;
mod server;

use super::host::{FetchedPackages, PackageRequest, resolve_and_fetch};
use super::policy::LockMode;
use crate::{Image, ImageError};
use archive::{Made, Signature};
use server::{Server, Trick};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Event, EventKind, Events};
use vmbuild_core::store::Store;
use vmbuild_packages::PackageArchive;

/// A store, an archive and a server.
struct Bench {
    home: tempfile::TempDir,
    store: Store,
    made: Made,
    server: Server,
    image: Image,
    events: Events,
    heard: UnboundedReceiver<Event>,
}

impl Bench {
    /// Nothing where a program is missing; says so.
    async fn new(signature: Signature, tricks: Vec<Trick>) -> Option<Self> {
        if let Some(program) = archive::missing_program() {
            println!("skipped: no `{program}` here");
            return None;
        }
        let home = tempfile::tempdir().expect("a folder");
        let image = Image::find("debian-12").expect("an image");
        let made = Made::new(home.path(), &image, signature).await;
        let server = Server::start(made.root(), tricks).await;
        let store = Store::at(&home.path().join("store")).expect("a store");
        let (events, heard) = Events::channel();
        Some(Self { home, store, made, server, image, events, heard })
    }

    fn archive(&self) -> PackageArchive {
        PackageArchive {
            address: self.server.address(),
            suite: "bookworm".to_owned(),
            components: vec!["main".to_owned()],
            keyring: self.made.keyring(),
            snapshot: None,
        }
    }

    async fn fetch(&self, mode: LockMode) -> Result<FetchedPackages, ImageError> {
        self.fetch_from(&self.archive(), mode).await
    }

    async fn fetch_from(&self, archive: &PackageArchive, mode: LockMode) -> Result<FetchedPackages, ImageError> {
        let Self { store, image, events, .. } = self;
        let cancel = CancellationToken::new();
        resolve_and_fetch(&PackageRequest { store, image, mode, archive: Some(archive), events, cancel: &cancel }).await
    }

    /// Notes and warnings since the last call.
    fn said(&mut self) -> String {
        let mut said = String::new();
        while let Ok(event) = self.heard.try_recv() {
            if let EventKind::Note { text, .. } | EventKind::Warning { text, .. } = event.kind {
                said.push_str(&text);
                said.push('\n');
            }
        }
        said
    }

    /// Packages in the cache.
    fn cached(&self) -> usize {
        let entries = fs_err::read_dir(self.store.packages()).expect("a cache");
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "deb")).count()
    }
}
