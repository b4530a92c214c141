//! Files made by the writer, and by others.

use super::{ProfileData, ProfileDataError, ProfileStore};
use std::path::{Path, PathBuf};
use vmbuild_archive::Sha256;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_core::store::Store;
use vmbuild_cpython::{ProfileDataInfo, Schema, profile_data};

fn about() -> ProfileDataInfo {
    ProfileDataInfo {
        schema: Schema,
        version: "3.13.5".parse().expect("a version"),
        source_sha256: Sha256([1; 32]),
        arch: "x86_64".to_owned(),
        training_plan_sha256: Sha256([2; 32]),
        tests: None,
        emulated: false,
    }
}

/// Archive that the agent packs after a training, with `more` files.
fn packed(folder: &Path, more: &[(&str, &str)]) -> PathBuf {
    let tree = folder.join("tree");
    let about = about().to_json();
    let files =
        [(profile_data::ABOUT, about.as_str()), ("gcda/Objects/dict.gcda", "counts"), ("gcda/main.gcda", "more")];
    for (name, contents) in files.iter().chain(more) {
        let path = tree.join(name);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs_err::write(path, contents).expect("writing");
    }
    let archive = folder.join("packed.tgz");
    vmbuild_archive::pack_tree(&tree, &archive, 7).expect("packing");
    archive
}

#[test]
fn what_a_training_left_is_published_and_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, to) = (packed(folder.path(), &[]), folder.path().join("a-profile.tar.zst"));
    let data = ProfileData::publish(&archive, &to).expect("it is one");
    assert_eq!((data.files, &data.about), (2, &about()));
    let again = folder.path().join("b-profile.tar.zst");
    assert_eq!(
        ProfileData::publish(&archive, &again).expect("it is one").sha256,
        data.sha256,
        "equal counts, equal bytes"
    );
    // Guests unpack it with their own tar.
    let plain = folder.path().join("profile.tar");
    data.decompress(&plain).expect("writing");
    let mut names: Vec<String> = Vec::new();
    for entry in tar::Archive::new(fs_err::File::open(&plain).expect("opening")).entries().expect("an archive") {
        names.push(entry.expect("an entry").path().expect("a path").display().to_string());
    }
    assert!(names.contains(&"gcda/Objects/dict.gcda".to_owned()), "{names:?}");
    let store = ProfileStore::of(&Store::at(&folder.path().join("store")).expect("a store"));
    store.keep(&data).expect("keeping");
    assert_eq!(store.find(Sha256([2; 32])).expect("kept").sha256, data.sha256);
    assert_eq!(store.with_digest(data.sha256).expect("kept").sha256, data.sha256);
    assert_eq!((store.find(Sha256([3; 32])), store.with_digest(Sha256([3; 32]))), (None, None));
}

/// Why a file is no profile.
fn refused(path: &Path) -> String {
    let error = ProfileData::read(path).expect_err("it is none");
    assert_eq!(error.exit(), Exit::Integrity);
    let ProfileDataError::Form { why, .. } = error else { panic!("{error}") };
    why
}

#[test]
fn nothing_but_counts_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("a-profile.tar.zst");
    for more in ["gcda/Makefile", "configure", "gcda.gcda", "other/main.gcda"] {
        let inner = tempfile::tempdir().expect("a folder");
        let error = ProfileData::publish(&packed(inner.path(), &[(more, "x")]), &to).expect_err(more);
        assert!(error.to_string().contains("is neither counts nor"), "{error}");
    }
    let good = tempfile::tempdir().expect("a folder");
    ProfileData::publish(&packed(good.path(), &[]), &to).expect("it is one");
    let bytes = fs_err::read(&to).expect("reading");
    fs_err::write(&to, &bytes[..bytes.len() - 2]).expect("writing");
    refused(&to);
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs_err::write(&to, changed).expect("writing");
    refused(&to);
    fs_err::write(&to, "no archive").expect("writing");
    refused(&to);
}

#[test]
fn links_and_paths_that_climb_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("a-profile.tar.zst");
    let made = |change: fn(&mut tar::Header)| {
        let mut archive =
            tar::Builder::new(zstd::Encoder::new(fs_err::File::create(&to).expect("a file"), 1).expect("zstd"));
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        change(&mut header);
        header.set_cksum();
        archive.append(&header, std::io::empty()).expect("writing");
        archive.into_inner().and_then(zstd::Encoder::finish).expect("writing");
    };
    made(|header| header.as_old_mut().name[..15].copy_from_slice(b"gcda/../../gcda"));
    assert!(refused(&to).contains("neither counts"));
    made(|header| {
        header.set_entry_type(tar::EntryType::Symlink);
        header.as_old_mut().name[..11].copy_from_slice(b"gcda/x.gcda");
    });
    assert!(refused(&to).contains("neither counts"));
    made(|header| header.as_old_mut().name[..11].copy_from_slice(b"gcda/x.gcda"));
    assert!(refused(&to).contains("there is no about.json"));
}
