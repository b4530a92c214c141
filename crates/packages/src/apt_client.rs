//! The host's apt with a state of its own: one archive, nothing installed, verification as usual.
//!
//! No root is needed: apt only reads indices, resolves and downloads here. The host's own configuration is not used,
//! except for the proxies in the environment.

use crate::deb822::paragraphs;
use crate::{LockedPackage, PackageArchive, PackagesError, simulated_install};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline, Tail};

/// Indices of tens of megabytes on a slow line.
const UPDATE_LIMIT: Duration = Duration::from_mins(10);
/// Resolving is seconds of work.
const QUERY_LIMIT: Duration = Duration::from_mins(2);

/// A package file to download.
#[derive(Debug, Clone)]
pub struct DownloadFile {
    /// Its address.
    pub url: String,
    /// The file to write.
    pub target: PathBuf,
    /// The package it must be.
    pub package: LockedPackage,
}

/// apt for one archive, with its state in a folder of its own.
#[derive(Debug)]
pub struct AptClient {
    folder: PathBuf,
    architecture: &'static str,
}

impl AptClient {
    /// Sets it up in `folder`; indices that an earlier run fetched there are reused while they are valid.
    pub fn new(folder: &Path, archive: &PackageArchive) -> Result<Self, PackagesError> {
        for name in ["lists/partial", "archives/partial", "etc/none", "etc/preferences.d"] {
            fs_err::create_dir_all(folder.join(name))?;
        }
        let apt = Self { folder: folder.to_owned(), architecture: debian_architecture() };
        fs_err::write(folder.join("sources.list"), apt.source(archive)?)?;
        fs_err::write(folder.join("apt.conf"), apt.configuration()?)?;
        apt.pretend_installed("")?;
        Ok(apt)
    }

    fn source(&self, archive: &PackageArchive) -> Result<String, PackagesError> {
        let PackageArchive { address, suite, components, keyring, snapshot } = archive;
        let keyring = path_text(keyring)?;
        let dated = if snapshot.is_some() { " check-valid-until=no" } else { "" };
        let components = components.join(" ");
        let architecture = self.architecture;
        Ok(format!("deb [arch={architecture} signed-by={keyring}{dated}] {address} {suite} {components}\n"))
    }

    fn configuration(&self) -> Result<String, PackagesError> {
        let folder = path_text(&self.folder)?;
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

    /// Replaces the dpkg database, which says what counts as installed.
    pub fn pretend_installed(&self, status: &str) -> Result<(), PackagesError> {
        Ok(fs_err::write(self.folder.join("status"), status)?)
    }

    /// Fetches the indices, verified.
    pub async fn update(&self, cancel: &CancellationToken) -> Result<(), PackagesError> {
        self.command("apt-get").arg("update").run(Deadline::after(UPDATE_LIMIT), cancel, |_| ()).await?;
        Ok(())
    }

    /// Deletes the indices: an index served in the middle of a mirror's update must not stay.
    pub fn discard_indices(&self) -> Result<(), PackagesError> {
        vmbuild_core::store::empty_folder(&self.folder.join("lists"))?;
        Ok(fs_err::create_dir_all(self.folder.join("lists/partial"))?)
    }

    /// The packages apt would install, as `name=version`.
    pub async fn simulate(
        &self,
        packages: &[String],
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, PackagesError> {
        let command = self.command("apt-get").args(["-y", "-s", "install"]).args(packages);
        let output = command.output(Deadline::after(QUERY_LIMIT), cancel).await?;
        Ok(String::from_utf8_lossy(&output).lines().filter_map(simulated_install).collect())
    }

    /// The index's paragraphs about packages given as `name=version`.
    pub async fn show(&self, specs: &[String], cancel: &CancellationToken) -> Result<String, PackagesError> {
        let command = self.command("apt-cache").args(["show", "--no-all-versions"]).args(specs);
        let output = command.output(Deadline::after(QUERY_LIMIT), cancel).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Downloads files, each verified by its SHA-256.
    pub async fn download(
        &self,
        files: &[DownloadFile],
        limit: Duration,
        cancel: &CancellationToken,
        on_output: impl FnMut(&[u8]),
    ) -> Result<Tail, PackagesError> {
        let mut command = self.command("/usr/lib/apt/apt-helper").arg("download-file");
        for DownloadFile { url, target, package } in files {
            command = command.arg(url).arg(target).arg(format!("SHA256:{}", package.sha256));
        }
        Ok(command.run(Deadline::after(limit), cancel, on_output).await?)
    }

    /// The `Date` of the signed index.
    pub fn release_date(&self) -> Result<String, PackagesError> {
        for entry in fs_err::read_dir(self.folder.join("lists"))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with("Release") {
                let text = fs_err::read_to_string(path)?;
                let date = paragraphs(&text).iter().find_map(|paragraph| paragraph.field("Date").map(str::to_owned));
                return Ok(date.unwrap_or_default());
            }
        }
        Ok(String::new())
    }

    fn command(&self, program: &str) -> Command {
        Command::new(program).env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C.UTF-8")
    }
}

/// Debian's name of the processor architecture this program runs on.
pub fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A path as an argument or a word of a configuration file.
pub(crate) fn path_text(path: &Path) -> Result<&str, PackagesError> {
    path.to_str().ok_or_else(|| PackagesError::NotText { path: path.to_owned() })
}
