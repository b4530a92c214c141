//! The host's apt with state of its own: it knows one archive, has nothing installed, and verifies as ever.
//!
//! No root is needed: apt only reads indices, resolves and downloads here. The host's own configuration has no
//! part in it, except the proxies in the environment.

use crate::ImageError;
use crate::host_tool::text;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::Offered;
use vmbuild_supervise::{Command, Deadline, Tail};

/// Indices of tens of megabytes on a slow line.
const UPDATE_LIMIT: Duration = Duration::from_mins(10);
/// Resolving is seconds of work.
const QUERY_LIMIT: Duration = Duration::from_mins(2);

/// An archive, and what is to be believed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageArchive {
    /// Its address: the folder with `dists` and `pool`.
    pub(crate) address: String,
    /// Its suite.
    pub(crate) suite: String,
    /// Its components.
    pub(crate) components: Vec<String>,
    /// What it must be signed with.
    pub(crate) keyring: PathBuf,
    /// The state of the archive that is meant: old indices are as good as new ones then.
    pub(crate) snapshot: Option<String>,
}

/// apt over one archive, in a folder of its own.
#[derive(Debug)]
pub(super) struct AptClient {
    folder: PathBuf,
    architecture: &'static str,
}

impl AptClient {
    /// Sets it up in `folder`; indices that a former run fetched there are used again as far as they hold.
    pub(super) fn new(folder: &Path, archive: &PackageArchive) -> Result<Self, ImageError> {
        for name in ["lists/partial", "archives/partial", "etc/none", "etc/preferences.d"] {
            fs_err::create_dir_all(folder.join(name))?;
        }
        let apt = Self { folder: folder.to_owned(), architecture: debian_architecture() };
        fs_err::write(folder.join("sources.list"), apt.source(archive)?)?;
        fs_err::write(folder.join("apt.conf"), apt.configuration()?)?;
        apt.pretend_installed("")?;
        Ok(apt)
    }

    fn source(&self, archive: &PackageArchive) -> Result<String, ImageError> {
        let PackageArchive { address, suite, components, keyring, snapshot } = archive;
        let keyring = text(keyring)?;
        let dated = if snapshot.is_some() { " check-valid-until=no" } else { "" };
        let components = components.join(" ");
        let architecture = self.architecture;
        Ok(format!("deb [arch={architecture} signed-by={keyring}{dated}] {address} {suite} {components}\n"))
    }

    fn configuration(&self) -> Result<String, ImageError> {
        let folder = text(&self.folder)?;
        let architecture = self.architecture;
        Ok(format!(
            r#"Dir::State "{folder}"; Dir::State::lists "lists/"; Dir::State::status "{folder}/status";
Dir::Cache "{folder}"; Dir::Cache::archives "archives/";
Dir::Etc "{folder}/etc"; Dir::Etc::SourceList "{folder}/sources.list"; Dir::Etc::SourceParts "none";
Dir::Etc::Main "none/none"; Dir::Etc::Parts "none"; Dir::Etc::Trusted "none/none"; Dir::Etc::TrustedParts "none";
Dir::Log "{folder}"; APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root"; APT::Install-Recommends "false"; APT::Update::Error-Mode "any";
Acquire::Languages "none"; Acquire::Retries "0"; Acquire::http::Timeout "30"; Acquire::https::Timeout "30";
"#
        ))
    }

    /// Says what is installed: paragraphs of a dpkg database.
    pub(super) fn pretend_installed(&self, status: &str) -> Result<(), ImageError> {
        Ok(fs_err::write(self.folder.join("status"), status)?)
    }

    /// Fetches the indices, verified.
    pub(super) async fn update(&self, cancel: &CancellationToken) -> Result<(), ImageError> {
        self.command("apt-get").arg("update").run(Deadline::after(UPDATE_LIMIT), cancel, |_| ()).await?;
        Ok(())
    }

    /// Forgets the indices: what a mirror serves in the middle of an update must not stay.
    pub(super) fn forget(&self) -> Result<(), ImageError> {
        vmbuild_core::store::empty_folder(&self.folder.join("lists"))?;
        Ok(fs_err::create_dir_all(self.folder.join("lists/partial"))?)
    }

    /// What apt would install: `name=version` each.
    pub(super) async fn simulate(
        &self,
        words: &[String],
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, ImageError> {
        let command = self.command("apt-get").args(["-y", "-s", "install"]).args(words);
        let output = command.output(Deadline::after(QUERY_LIMIT), cancel).await?;
        Ok(String::from_utf8_lossy(&output).lines().filter_map(Offered::simulated).collect())
    }

    /// The index's paragraphs about `name=version` each.
    pub(super) async fn show(&self, specs: &[String], cancel: &CancellationToken) -> Result<String, ImageError> {
        let command = self.command("apt-cache").args(["show", "--no-all-versions"]).args(specs);
        let output = command.output(Deadline::after(QUERY_LIMIT), cancel).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Downloads files: address, target and SHA-256 each.
    pub(super) async fn download(
        &self,
        files: &[(String, PathBuf, String)],
        limit: Duration,
        cancel: &CancellationToken,
        on_output: impl FnMut(&[u8]),
    ) -> Result<Tail, ImageError> {
        let mut command = self.command("/usr/lib/apt/apt-helper").arg("download-file");
        for (address, target, sha256) in files {
            command = command.arg(address).arg(target).arg(format!("SHA256:{sha256}"));
        }
        Ok(command.run(Deadline::after(limit), cancel, on_output).await?)
    }

    /// The signed indices' own date.
    pub(super) fn release_date(&self) -> Result<String, ImageError> {
        for entry in fs_err::read_dir(self.folder.join("lists"))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with("Release") {
                let text = fs_err::read_to_string(path)?;
                let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
                return Ok(date.unwrap_or_default().trim().to_owned());
            }
        }
        Ok(String::new())
    }

    fn command(&self, program: &str) -> Command {
        Command::new(program).env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C.UTF-8")
    }
}

/// Debian's word for the processor this program runs on.
pub(crate) fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
