//! A tiny Debian archive: every package an image lists, empty, in a signed index.

use crate::{Image, host_tool::path_text};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

const PROGRAMS: [&str; 5] = ["gpg", "dpkg-deb", "dpkg-scanpackages", "apt-get", "apt-cache"];

/// The first program that is missing here.
pub(super) fn missing_program() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    PROGRAMS.into_iter().find(|program| !here(program))
}

/// How the index is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Good,
    Missing,
    /// By a key that is not in the keyring.
    Foreign,
}

/// The archive's folder, and what it was signed with.
pub(super) struct Made {
    home: PathBuf,
    signature: Signature,
    valid_until: Option<&'static str>,
}

impl Made {
    pub(super) async fn new(home: &Path, image: &Image, signature: Signature) -> Self {
        let made = Self { home: home.to_owned(), signature, valid_until: None };
        for key in ["ours", "foreign"] {
            made.make_key(key).await;
        }
        let lists = image.lists().expect("lists");
        let names = lists.runtime.into_iter().chain(lists.toolchain).chain(lists.cpython);
        for name in names.chain(["apt".to_owned(), "linux-image-1-cloud".to_owned()]) {
            made.package(&name, "1.0", "").await;
        }
        made.package("base-files", "1.0", "Essential: yes\n").await;
        let pointer = image.kernel_package().expect("a kernel");
        made.package(pointer, "1.0", "Depends: linux-image-1-cloud (= 1.0)\n").await;
        made.index().await;
        made
    }

    pub(super) fn root(&self) -> PathBuf {
        self.home.join("archive")
    }

    pub(super) fn keyring(&self) -> PathBuf {
        self.home.join("ours.gpg")
    }

    async fn make_key(&self, name: &str) {
        let home = self.home.join(format!("{name}-home"));
        fs_err::create_dir_all(&home).expect("made");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs_err::set_permissions(&home, mode).expect("set");
        let address = format!("{name}@archive.example");
        run(&[
            "gpg",
            "--homedir",
            &path(&home),
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-generate-key",
            &address,
        ])
        .await;
        let ring = path(&self.home.join(format!("{name}.gpg")));
        run(&["gpg", "--homedir", &path(&home), "--batch", "--quiet", "--output", &ring, "--export", &address]).await;
    }

    /// Adds a package, in place of any other version of it.
    pub(super) async fn package(&self, name: &str, version: &str, fields: &str) {
        let tree = self.home.join("tree");
        let _ = fs_err::remove_dir_all(&tree);
        fs_err::create_dir_all(tree.join("DEBIAN")).expect("made");
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@archive.example>\n{fields}Description: empty\n"
        );
        fs_err::write(tree.join("DEBIAN/control"), control).expect("written");
        let pool = self.root().join("pool/main");
        fs_err::create_dir_all(&pool).expect("made");
        for entry in fs_err::read_dir(&pool).expect("a pool").flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{name}_")) {
                fs_err::remove_file(entry.path()).expect("removed");
            }
        }
        let file = path(&pool.join(format!("{name}_{version}_all.deb")));
        run(&["dpkg-deb", "--root-owner-group", "-Znone", "--build", &path(&tree), &file]).await;
    }

    /// Makes the index say that it is too old.
    pub(super) fn expire(&mut self) {
        self.valid_until = Some("Sat, 01 Jan 2000 00:00:00 UTC");
    }

    /// Lists and signs what is there.
    pub(super) async fn index(&self) {
        let suite = self.root().join("dists/bookworm");
        let arch = vmbuild_packages::debian_architecture();
        let folder = format!("main/binary-{arch}");
        fs_err::create_dir_all(suite.join(&folder)).expect("made");
        let words = ["dpkg-scanpackages", "--multiversion", "--hash", "sha256", "pool"];
        let packages = output(&words, &self.root()).await;
        fs_err::write(suite.join(&folder).join("Packages"), &packages).expect("written");
        let (size, sha256) = vmbuild_archive::sha256_file(&suite.join(&folder).join("Packages")).expect("hashed");
        let mut release = format!(
            "Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm\nArchitectures: {arch}\nComponents: main\n\
             Date: Sat, 01 Jan 2000 00:00:00 UTC\n"
        );
        if let Some(time) = self.valid_until {
            let _ = writeln!(release, "Valid-Until: {time}");
        }
        let _ = write!(release, "SHA256:\n {} {size} {folder}/Packages\n", hex::encode(sha256));
        fs_err::write(suite.join("Release"), release).expect("written");
        self.sign(&suite).await;
    }

    async fn sign(&self, suite: &Path) {
        let signed = suite.join("InRelease");
        let _ = fs_err::remove_file(&signed);
        let key = match self.signature {
            Signature::Missing => return,
            Signature::Good => "ours-home",
            Signature::Foreign => "foreign-home",
        };
        let (home, release) = (path(&self.home.join(key)), path(&suite.join("Release")));
        run(&["gpg", "--homedir", &home, "--batch", "--quiet", "--output", &path(&signed), "--clearsign", &release])
            .await;
    }
}

impl Drop for Made {
    /// gpg leaves an agent behind, which ends when its home is gone; that can take a while, so it is told.
    fn drop(&mut self) {
        for key in ["ours-home", "foreign-home"] {
            #[expect(clippy::disallowed_methods, reason = "there is no runtime to ask in a destructor")]
            let _ = std::process::Command::new("gpgconf")
                .args(["--homedir", &path(&self.home.join(key)), "--kill", "all"])
                .output();
        }
    }
}

fn path(path: &Path) -> String {
    path_text(path).expect("a plain path")
}

async fn run(words: &[&str]) {
    output(words, Path::new("/")).await;
}

async fn output(words: &[&str], folder: &Path) -> Vec<u8> {
    let command = Command::new(words[0]).args(&words[1..]).current_dir(folder).env("LC_ALL", "C.UTF-8");
    let deadline = Deadline::after(Duration::from_mins(2));
    command.output(deadline, &CancellationToken::new()).await.unwrap_or_else(|error| panic!("{words:?}: {error:?}"))
}
