//! Evidence for a source: real signatures by a real GnuPG, served by real servers, and CPython's own.

use super::{World, digest};
use crate::{
    EvidenceError, SignaturePolicy, SignerTable, SourceArchive, SourceOrigin, SourceRequest, SourceSettings,
    VerifiedSource, fetch_source, verify_source,
};
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_core::store::Store;
use vmbuild_cpython::minor::{ReleaseManager, SigstoreIdentity};
use vmbuild_cpython::{DigestOrigin, MinorFacts, SourceSignature};
use vmbuild_fetch::signature::{SignatureError, SigstoreError};
use vmbuild_testkit::gpg::{Gpg, GpgTime};
use vmbuild_testkit::http_server::{HttpServer, ServerBehavior};

const FILE: &str = "Python-3.13.5.tar.xz";
const ASC: &str = "ftp/python/3.13.5/Python-3.13.5.tar.xz.asc";
const BUNDLE: &str = "ftp/python/3.13.5/Python-3.13.5.tar.xz.sigstore";
const BILL: &str = "ftp/python/3.13.5/Python-3.13.5.tar.xz.spdx.json";
const DATA: &[u8] = b"the source of an interpreter\n";

/// Evidence that python.org publishes for that archive.
const REAL_BUNDLE: &[u8] = vmbuild_testkit::published::BUNDLE_3_13_5.as_bytes();
const REAL_DIGEST: &str = "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640";

fn identity() -> SigstoreIdentity {
    MinorFacts::of(&"3.13.5".parse().expect("a version")).manager.sigstore.clone()
}

/// A manager who signs with `owner`'s key.
async fn signers(gpg: &Gpg, owner: &str) -> SignerTable {
    let pgp = Some(gpg.fingerprint(owner).await);
    let manager = Box::new(ReleaseManager { name: owner.to_owned(), pgp, sigstore: identity() });
    SignerTable::Only { manager, key: gpg.public(owner).await }
}

/// A world with a source of these bytes, and a manager whose key GnuPG has.
struct Scene {
    server: HttpServer,
    gpg: Gpg,
    world: World,
    source: SourceArchive,
}

impl Scene {
    async fn new() -> Option<Self> {
        let gpg = Gpg::new()?;
        gpg.key("Manager <manager@example.org>", "1y", GpgTime::Now).await;
        let server = HttpServer::start().await;
        let mut world = World::new(&server);
        world.settings.signers = signers(&gpg, "Manager").await;
        let path = world.file(FILE, DATA);
        let (file_name, location) = (FILE.to_owned(), path.display().to_string());
        let (bytes, sha256) = (DATA.len() as u64, digest(DATA));
        let source = SourceArchive { path, file_name, bytes, sha256, origin: SourceOrigin::Cache, location };
        Some(Self { server, gpg, world, source })
    }

    async fn verify_source(&self, need: SignaturePolicy) -> Result<VerifiedSource, EvidenceError> {
        let version = "3.13.5".parse().expect("a version");
        let request = SourceRequest { version, given: None, sha256: None };
        let World { store, settings, events, cancel, .. } = &self.world;
        verify_source(&request, &self.source, need, store, settings, events, cancel).await
    }

    async fn signed(&self, owner: &str, data: &[u8]) -> Vec<u8> {
        self.gpg.over(data, GpgTime::Now, &["--local-user", owner, "--armor", "--detach-sign"]).await
    }

    /// Error for a signature that is served.
    async fn refused(&self, signature: &[u8]) -> SignatureError {
        self.server.serve(ASC, signature, ServerBehavior::Normal);
        let error = self.verify_source(SignaturePolicy::IfAvailable).await.expect_err("it must be refused");
        assert_eq!(error.exit(), Exit::Integrity);
        let EvidenceError::Signature { place, source, .. } = error else { panic!("{error}") };
        assert_eq!(place, self.server.url(ASC));
        source
    }
}

#[tokio::test]
async fn a_good_signature_is_recorded_and_kept() {
    let Some(scene) = Scene::new().await else { return };
    scene.server.serve(ASC, &scene.signed("Manager", DATA).await, ServerBehavior::Busy(2));
    let first = scene.verify_source(SignaturePolicy::Required).await.expect("signed").evidence;
    let [SourceSignature::OpenPgp { fingerprint, owner, from, .. }] = first.signatures.as_slice() else {
        panic!("{first:?}")
    };
    assert_eq!(*fingerprint, scene.gpg.fingerprint("Manager").await);
    assert_eq!((owner.as_str(), from.as_str()), ("Manager <manager@example.org>", &*scene.server.url(ASC)));
    assert_eq!(first.digest_from, DigestOrigin::Given);
    assert_eq!(first.without.len(), 2, "neither bundle nor bill: {first:?}");
    // Later the network is gone, and the kept signature is verified again.
    scene.server.remove(ASC);
    let asked = scene.server.asked().len();
    assert_eq!(
        scene.verify_source(SignaturePolicy::IfAvailable).await.expect("kept").evidence.signatures,
        first.signatures
    );
    assert_eq!(scene.server.asked().len(), asked, "nobody is asked");
}

#[tokio::test]
async fn stored_evidence_does_not_cover_a_changed_source() {
    let Some(scene) = Scene::new().await else { return };
    scene.server.serve(ASC, &scene.signed("Manager", DATA).await, ServerBehavior::Normal);
    scene.verify_source(SignaturePolicy::Required).await.expect("signed");
    fs_err::write(&scene.source.path, DATA.to_ascii_uppercase()).expect("writing");
    let error = scene.verify_source(SignaturePolicy::IfAvailable).await.expect_err("other bytes");
    assert!(matches!(error, EvidenceError::Signature { source: SignatureError::Mismatch(_), .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_published_does_not_end_a_build_unless_it_must() {
    let Some(scene) = Scene::new().await else { return };
    let verified = scene.verify_source(SignaturePolicy::IfAvailable).await.expect("the digest is enough");
    assert_eq!((verified.evidence.signatures, verified.files), (Vec::new(), Vec::new()));
    assert!(verified.evidence.without[0].contains("the server answered 404"), "{:?}", verified.evidence.without);
    let asked = scene.server.asked().len();
    scene.verify_source(SignaturePolicy::IfAvailable).await.expect("the digest is enough");
    assert_eq!(scene.server.asked().len(), asked, "not asked again on the same day");
    let error = scene.verify_source(SignaturePolicy::Required).await.expect_err("there is none");
    assert!(scene.server.asked().len() > asked, "asked again: it is needed");
    assert_eq!(error.exit(), Exit::Integrity);
    let text = error.to_string();
    assert!(text.starts_with("no signature of CPython 3.13.5 could be verified:\n  OpenPGP signature: http"), "{text}");
}

#[tokio::test]
async fn a_stalled_signature_is_as_good_as_none() {
    let Some(mut scene) = Scene::new().await else { return };
    scene.world.settings.retry.tries = 1;
    scene.server.serve(ASC, &scene.signed("Manager", DATA).await, ServerBehavior::Stall(20));
    let verified = scene.verify_source(SignaturePolicy::IfAvailable).await.expect("the digest is enough");
    assert_eq!(verified.evidence.signatures, Vec::new());
    // The next one asks again only because it must.
    scene.server.serve(ASC, &scene.signed("Manager", DATA).await, ServerBehavior::Normal);
    assert_eq!(scene.verify_source(SignaturePolicy::Required).await.expect("it came").evidence.signatures.len(), 1);
}

#[tokio::test]
async fn bad_signatures_end_the_build() {
    let Some(scene) = Scene::new().await else { return };
    scene.gpg.key("Stranger <stranger@example.org>", "1y", GpgTime::Now).await;
    let stranger = scene.refused(&scene.signed("Stranger", DATA).await).await;
    assert!(matches!(stranger, SignatureError::UnknownKey(_)), "{stranger}");
    let other = scene.refused(&scene.signed("Manager", b"another source").await).await;
    assert!(matches!(other, SignatureError::Mismatch(_)), "{other}");
    let page = scene.refused(b"<html>a portal wants you to log in</html>").await;
    assert!(matches!(page, SignatureError::Malformed(_)), "{page}");
    let good = scene.signed("Manager", DATA).await;
    let cut = scene.refused(&good[..good.len() / 2]).await;
    assert!(matches!(cut, SignatureError::Malformed(_)), "{cut}");
    assert!(scene.world.kept().iter().all(|name| name == "asked"), "nothing bad is kept: {:?}", scene.world.kept());
}

#[tokio::test]
async fn a_signature_after_the_copys_expiry_is_ignored() {
    let Some(mut scene) = Scene::new().await else { return };
    scene.gpg.key("Old <old@example.org>", "30d", GpgTime::Past("20200101T000000")).await;
    scene.world.settings.signers = signers(&scene.gpg, "Old").await;
    // Its owner gave it more time after our copy was made.
    let fingerprint = scene.gpg.fingerprint("Old").await;
    scene.gpg.run(GpgTime::Now, &["--quick-set-expire", &fingerprint, "10y"]).await;
    scene.server.serve(ASC, &scene.signed("Old", DATA).await, ServerBehavior::Normal);
    let verified = scene.verify_source(SignaturePolicy::IfAvailable).await.expect("the digest is enough");
    assert!(verified.evidence.without[0].contains("expired at 2020-01-31"), "{:?}", verified.evidence.without);
    assert!(scene.world.warnings()[0].contains("ignoring the OpenPGP signature"));
    scene.verify_source(SignaturePolicy::Required).await.expect_err("it is no signature");
}

#[tokio::test]
async fn what_lies_beside_a_given_file_is_looked_at_first() {
    let Some(mut scene) = Scene::new().await else { return };
    scene.source.origin = SourceOrigin::File;
    let beside = format!("{FILE}.asc");
    scene.world.file(&beside, &scene.signed("Manager", DATA).await);
    let verified = scene.verify_source(SignaturePolicy::Required).await.expect("signed");
    assert_eq!(verified.evidence.signatures.len(), 1);
    assert!(scene.server.asked().iter().all(|path| !path.contains(".asc")), "{:?}", scene.server.asked());
}

#[tokio::test]
async fn a_bundle_counts_and_a_bill_of_materials_is_kept() {
    let Some(mut scene) = Scene::new().await else { return };
    scene.source.sha256 = REAL_DIGEST.parse().expect("a digest");
    scene.server.serve(BUNDLE, REAL_BUNDLE, ServerBehavior::Normal);
    let bill = format!(r#"{{"spdxVersion": "SPDX-2.3", "checksumValue": "{}"}}"#, scene.source.sha256);
    scene.server.serve(BILL, bill.as_bytes(), ServerBehavior::Normal);
    let verified = scene.verify_source(SignaturePolicy::Required).await.expect("signed");
    let [SourceSignature::Sigstore { identity, logged, .. }] = verified.evidence.signatures.as_slice() else {
        panic!("{verified:?}")
    };
    assert_eq!((identity, logged.as_deref()), (&self::identity().identity, Some("2025-06-11T17:46:23Z")));
    assert_eq!(
        verified.files.iter().map(|path| fs_err::read(path).expect("kept").len()).sum::<usize>(),
        REAL_BUNDLE.len() + bill.len()
    );
}

#[tokio::test]
async fn a_bundle_or_bill_of_another_file_ends_the_build() {
    let Some(scene) = Scene::new().await else { return };
    scene.server.serve(BILL, br#"{"spdxVersion": "SPDX-2.3"}"#, ServerBehavior::Normal);
    let error = scene.verify_source(SignaturePolicy::IfAvailable).await.expect_err("another file's");
    assert!(matches!(error, EvidenceError::OtherBill { .. }), "{error}");
    scene.server.serve(BUNDLE, REAL_BUNDLE, ServerBehavior::Normal);
    let error = scene.verify_source(SignaturePolicy::Required).await.expect_err("another file's");
    assert!(matches!(error, EvidenceError::Bundle { source: SigstoreError::Mismatch(_), .. }), "{error}");
}

/// The real source of 3.13.5: from the store that the end-to-end tests use, or from the pool of this host's Debian
/// archive.
async fn cpython(server: &HttpServer) -> Option<SourceArchive> {
    let home = vmbuild_testkit::shared_store();
    let store = Store::at(&home).expect("a store");
    let request = SourceRequest { version: "3.13.5".parse().expect("a version"), given: None, sha256: None };
    // Python.org has nothing here.
    let settings = SourceSettings { python_org: server.url("none"), ..SourceSettings::from_env() };
    let (events, _heard) = Events::channel();
    match fetch_source(&request, &store, &settings, &events, &CancellationToken::new()).await {
        Ok(source) => Some(source),
        Err(error) => {
            println!("skipped: cpythons_release_manager_signed_cpython: {error}");
            None
        }
    }
}

#[tokio::test]
async fn cpythons_release_manager_signed_cpython() {
    let Some(mut scene) = Scene::new().await else { return };
    let Some(SourceArchive { path, sha256, .. }) = cpython(&scene.server).await else { return };
    // As Debian's pool has it, beside the archive.
    let signature = vmbuild_testkit::published::SIGNATURE_3_13_5;
    scene.server.serve(ASC, signature, ServerBehavior::Normal);
    scene.world.settings.signers = SignerTable::Shipped;
    (scene.source.path, scene.source.sha256) = (path.clone(), sha256);
    let evidence = scene.verify_source(SignaturePolicy::Required).await.expect("Thomas Wouters signed it").evidence;
    let [SourceSignature::OpenPgp { fingerprint, owner, signed, .. }] = evidence.signatures.as_slice() else {
        panic!("{evidence:?}")
    };
    assert_eq!(fingerprint, "7169605F62C751356D054A26A821E680E5FA6305");
    assert!(owner.starts_with("Thomas Wouters <"), "{owner}");
    assert_eq!((signed.as_str(), evidence.digest_from), ("2025-06-11T17:45:54Z", DigestOrigin::Pinned));

    // And once more, with Sigstore.
    scene.server.serve(BUNDLE, REAL_BUNDLE, ServerBehavior::Normal);
    let evidence = scene.verify_source(SignaturePolicy::Required).await.expect("he signed it twice").evidence;
    let [SourceSignature::OpenPgp { .. }, SourceSignature::Sigstore { identity, .. }] = evidence.signatures.as_slice()
    else {
        panic!("{evidence:?}")
    };
    assert_eq!(identity, "thomas@python.org");

    // One byte changed.
    let mut changed = fs_err::read(&path).expect("reading");
    changed[11_000_000] ^= 1;
    scene.source.path = scene.world.file("changed", &changed);
    let error = scene.verify_source(SignaturePolicy::IfAvailable).await.expect_err("another byte");
    assert!(matches!(error, EvidenceError::Signature { source: SignatureError::Mismatch(_), .. }), "{error}");

    // A good signature, by somebody who is not the release manager of the version.
    scene.source.path = path;
    let SignerTable::Only { key, .. } = signers(&scene.gpg, "Manager").await else { return };
    let mut manager = Box::new(MinorFacts::of(&"3.11.2".parse().expect("a version")).manager.clone());
    let thomas = include_bytes!("../../../../provision/cpython/keys/7169605F62C751356D054A26A821E680E5FA6305.asc");
    for key in [key, thomas.to_vec()] {
        scene.world.settings.signers = SignerTable::Only { manager: manager.clone(), key };
        let error = scene.verify_source(SignaturePolicy::IfAvailable).await.expect_err("not the manager of 3.11");
        let EvidenceError::Signature { source: SignatureError::UnknownKey(key), .. } = error else { panic!("{error}") };
        assert_eq!(key, "7169605F62C751356D054A26A821E680E5FA6305");
    }
    // Nobody signs with OpenPGP since 3.14.
    manager.pgp = None;
    scene.world.settings.signers = SignerTable::Only { manager, key: thomas.to_vec() };
    scene.verify_source(SignaturePolicy::Required).await.expect_err("no key counts");
}
