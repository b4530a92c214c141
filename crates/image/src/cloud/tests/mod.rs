//! A publisher of our own: a real HTTP server with a signed list of checksums, and the habits that publishers have.

mod fetching;
mod mis_signed;
mod pins;
mod updating;

use super::{CloudDisk, CloudSettings};
use crate::{Image, ImageError};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Event, EventKind, Events};
use vmbuild_core::store::Store;
use vmbuild_fetch::download::RetryPolicy;
use vmbuild_testkit::gpg::{Gpg, GpgTime};
use vmbuild_testkit::http_server::{HttpServer, ServerBehavior, incompressible_bytes};

const OWNER: &str = "Publisher <publisher@example.org>";
const DISK: &str = "releases/release-20260705/disk.img";
const SUMS: &str = "releases/release-20260705/SHA256SUMS";
const SIGNATURE: &str = "releases/release-20260705/SHA256SUMS.gpg";

/// A publisher, and a vmbuild that fetches from it.
struct World {
    folder: tempfile::TempDir,
    gpg: Gpg,
    server: HttpServer,
    store: Store,
    settings: CloudSettings,
    events: Events,
    seen: UnboundedReceiver<Event>,
    cancel: CancellationToken,
    /// The image that the publisher has.
    body: Vec<u8>,
}

impl World {
    /// A publisher that does everything right; nothing where GnuPG is missing.
    async fn new() -> Option<Self> {
        let gpg = Gpg::new()?;
        gpg.key(OWNER, "1y", GpgTime::Now).await;
        let (folder, server) = (tempfile::tempdir().expect("a folder"), HttpServer::start().await);
        let store = Store::at(&folder.path().join("store")).expect("a store");
        let retry = RetryPolicy {
            connect: Duration::from_secs(5),
            stall: Duration::from_millis(400),
            tries: 3,
            backoff: Duration::from_millis(5),
        };
        let settings = CloudSettings { mirror: Some(server.base()), retry };
        let (events, seen) = Events::channel();
        let (cancel, body) = (CancellationToken::new(), incompressible_bytes(300_000));
        fs_err::write(folder.path().join("key.asc"), gpg.public(OWNER).await).expect("writing");
        let world = Self { folder, gpg, server, store, settings, events, seen, cancel, body };
        world.publish("20260705", &world.body).await;
        Some(world)
    }

    /// Publishes a release with a signed list of checksums.
    async fn publish(&self, release: &str, body: &[u8]) {
        let list = format!("{} *disk.img.manifest\n{} *disk.img\n", "ab".repeat(32), sha256(body));
        let at = |name: &str| format!("releases/release-{release}/{name}");
        self.server.serve(&at("disk.img"), body, ServerBehavior::Normal);
        self.server.serve(&at("SHA256SUMS"), list.as_bytes(), ServerBehavior::Normal);
        let signature = self.gpg.sign(OWNER, list.as_bytes(), GpgTime::Now).await;
        self.server.serve(&at("SHA256SUMS.gpg"), &signature, ServerBehavior::Normal);
    }

    /// The description of the publisher's image, with this pin.
    fn describe(&self, pinned: &str) -> String {
        let (key, arch) = (self.folder.path().join("key.asc"), std::env::consts::ARCH);
        format!(
            r#"# A test's image.
schema = 1
name = "stand-in"
artifact_word = "standin"
packages = "debian-12"

[source]
kind = "cloud-image"
release = "20260705" # moves
format = "qcow2"
folder = "https://publisher.example/releases/release-{{release}}"
sums = "SHA256SUMS"
signature = {{ kind = "detached", file = "SHA256SUMS.gpg", keyring = "{}" }}

[source.newest]
folder = "https://publisher.example/releases"
entry = "release-{{release}}/"

[source.file.{arch}]
name = "disk.img"
digest = "{pinned}"

[kernel]
modules = []
"#,
            key.display()
        )
    }

    /// The image that is pinned to what the publisher has.
    fn image(&self) -> Image {
        Image::parse(&self.describe(&format!("sha256:{}", sha256(&self.body))), "test").expect("a description")
    }

    async fn fetch(&self) -> Result<CloudDisk, ImageError> {
        super::fetch_with(&self.image(), &self.store, &self.settings, &self.events, &self.cancel).await
    }

    /// A description of a user's own.
    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("mine.toml");
        fs_err::write(&path, text).expect("writing");
        path
    }

    /// Cloud image files in the store, without the locks.
    fn kept(&self) -> Vec<String> {
        let slots = fs_err::read_dir(self.store.root().join("cloud")).map(Iterator::collect::<Vec<_>>);
        let mut names = Vec::new();
        for slot in slots.unwrap_or_default() {
            let entries = fs_err::read_dir(slot.expect("an entry").path()).expect("a folder");
            names.extend(entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()));
        }
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }

    /// How often the image itself was asked for, and from where on.
    fn asked_for_disk(&self) -> Vec<String> {
        self.server
            .asked()
            .into_iter()
            .filter_map(|asked| asked.strip_prefix(&format!("/{DISK}")).map(str::to_owned))
            .collect()
    }

    fn warnings(&mut self) -> Vec<String> {
        let mut warnings = Vec::new();
        while let Ok(event) = self.seen.try_recv() {
            if let EventKind::Warning { text, .. } = event.kind {
                warnings.push(text);
            }
        }
        warnings
    }
}

fn sha256(body: &[u8]) -> String {
    hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body))
}
