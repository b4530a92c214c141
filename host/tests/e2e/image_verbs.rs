//! `vmbuild image list|show|build|verify|prune` on the shared store.

use crate::support::{Ran, run, store};
use serde_json::Value;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn document(ran: &Ran) -> Value {
    ran.events().into_iter().find(|line| line["schema"] == 1).expect("one document")
}

/// Builds both golden machines with their disks, which later tests need anyway.
fn built() -> Value {
    document(&run(&["--json", "image", "build", "debian-12", "--disk"]).expect(0))
}

#[test]
fn what_is_built_is_listed_and_shown() {
    let built = built();
    let digests: Vec<&Value> = built["golden"].as_array().expect("two").iter().map(|one| &one["digest"]).collect();
    let list = document(&run(&["--json", "image", "list"]).expect(0));
    let debian = list["images"].as_array().expect("images").iter().find(|image| image["name"] == "debian-12");
    let listed = debian.expect("debian-12")["golden"].as_array().expect("golden machines").clone();
    assert_eq!(listed.iter().map(|one| &one["digest"]).collect::<Vec<_>>(), digests);

    let shown = document(&run(&["--json", "image", "show", "debian-12"]).expect(0));
    assert_eq!(shown["description"]["source"]["suite"], "bookworm");
    assert!(shown["here"]["golden"][1]["disk"]["blocks_sha256"].is_string(), "{shown}");
    let table = run(&["image", "list"]).expect(0).stdout;
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let expect = "debian-12 bootstrap bookworm here clean, build clean, build";
    assert_eq!(row.filter(|row| row.starts_with(expect)).count(), 1, "{table}");
    assert!(run(&["image", "show", "debian12"]).expect(2).stderr.contains("did you mean `debian-12`?"));
}

/// A byte of a file that is another as long as this lives.
struct Damage {
    path: PathBuf,
    at: u64,
    before: std::fs::Metadata,
}

impl Damage {
    fn new(path: &Path, at: u64) -> Self {
        let before = fs_err::metadata(path).expect("a file");
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("writable");
        let damage = Self { path: path.to_owned(), at, before };
        damage.flip();
        damage
    }

    fn flip(&self) {
        let file = fs_err::OpenOptions::new().read(true).write(true).open(&self.path).expect("opened");
        let mut byte = [0];
        file.file().read_exact_at(&mut byte, self.at).expect("read");
        file.file().write_all_at(&[!byte[0]], self.at).expect("written");
    }
}

impl Drop for Damage {
    fn drop(&mut self) {
        self.flip();
        let file = fs_err::File::options().write(true).open(&self.path).expect("opened");
        file.file().set_modified(self.before.modified().expect("a time")).expect("as before");
        fs_err::set_permissions(&self.path, self.before.permissions()).expect("as before");
    }
}

fn failed(ran: &Ran) -> Vec<String> {
    let items = document(ran)["items"].as_array().expect("items").clone();
    let failed = items.iter().filter(|item| item["outcome"] == "fail");
    failed.map(|item| format!("{} {}", item["role"], item["item"]).replace('"', "")).collect()
}

#[test]
fn verify_finds_one_byte() {
    built();
    let whole = run(&["--json", "image", "verify", "debian-12"]).expect(0);
    assert_eq!(failed(&whole), Vec::<String>::new());
    assert!(document(&whole)["items"].as_array().expect("items").len() >= 7);
    let shown = document(&run(&["--json", "image", "show", "debian-12"]).expect(0));
    let golden = store().join("images/debian-12").join(shown["here"]["key"].as_str().expect("a key"));
    let _disk = Damage::new(&golden.join("clean.ext4"), 4096 * 300 + 5);
    let _file = Damage::new(&golden.join("clean/usr/bin/env"), 700);
    let damaged = run(&["--json", "image", "verify", "debian-12"]).expect(4);
    // The build role's tree stands on the clean one.
    assert_eq!(failed(&damaged), ["clean tree", "clean disk", "build tree"]);
}

#[test]
fn prune_removes_what_no_image_needs_and_says_so_first() {
    built();
    let old = store().join("images/debian-12/0000000000000000");
    fs_err::create_dir_all(old.join("clean")).expect("made");
    fs_err::write(old.join("clean/file"), vec![1; 10_000]).expect("written");
    let named = |ran: &Ran| {
        let found = document(ran)["found"].as_array().expect("a list").clone();
        found.iter().any(|found| found["path"] == *old.to_string_lossy() && found["kept"].is_null())
    };
    assert!(named(&run(&["--json", "image", "prune", "--dry-run"]).expect(0)));
    assert!(old.is_dir(), "a dry run deletes nothing");
    assert!(named(&run(&["--json", "image", "prune"]).expect(0)));
    assert!(!old.exists());
    assert!(document(&run(&["--json", "image", "list"]).expect(0))["images"][0]["base"] == true);
}

#[test]
fn what_a_machine_stands_on_is_not_made_again() {
    run(&["destroy", "--name", "test-stands"]);
    run(&["up", "--name", "test-stands", "--image", "debian-12", "--backend", "sandbox"]).expect(0);
    run(&["halt", "--name", "test-stands"]).expect(0);
    let refused = run(&["image", "build", "debian-12", "--force"]).expect(2);
    assert!(refused.stderr.contains("in use") && refused.stderr.contains("destroy --name test-stands"));
    run(&["destroy", "--name", "test-stands"]).expect(0);
}
