//! One build's own folder until it is published or has failed.

use crate::attestations::ArtifactPart;
use crate::folder::unless_gone;
use crate::placing::rename_to_new;
use crate::{ArtifactError, ArtifactFolder, BuildOutputs, ExistingArtifact};
use fs_err::File;
use std::fs::Permissions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use vmbuild_archive::Sha256;
use vmbuild_core::store::{Lock, sync_folder};
use vmbuild_cpython::ArtifactName;

/// A build under way: its name is taken, its files are out of sight. Dropping it removes them and frees the name.
#[derive(Debug)]
pub struct StagingFolder {
    folder: ArtifactFolder,
    name: ArtifactName,
    path: PathBuf,
    existing: ExistingArtifact,
    _lock: Lock,
}

/// A published artifact's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedArtifact {
    /// The tarball.
    pub tarball: PathBuf,
    /// The file for `sha256sum -c`.
    pub checksum: PathBuf,
    /// Measurements taken during the build.
    pub record: PathBuf,
    /// The bill of materials, if there is one.
    pub sbom: Option<PathBuf>,
    /// Where it comes from, if that is said.
    pub provenance: Option<PathBuf>,
    /// The counts it was optimised by, if there are any.
    pub profile_data: Option<PathBuf>,
    /// The debug info of its programs and libraries, if it was split off.
    pub debug_info: Option<PathBuf>,
    /// The folder of step logs.
    pub logs: PathBuf,
    /// The tarball's digest.
    pub sha256: Sha256,
    /// The tarball's length.
    pub bytes: u64,
}

impl StagingFolder {
    pub(super) fn make(
        folder: ArtifactFolder,
        name: ArtifactName,
        path: PathBuf,
        existing: ExistingArtifact,
    ) -> Result<Self, ArtifactError> {
        fs_err::create_dir_all(path.join("logs"))?;
        let lock = Lock::try_take(&Self::lock_of(&path))?;
        let lock = lock.ok_or_else(|| io::Error::other(format!("somebody else locked {}", path.display())))?;
        Ok(Self { folder, name, path, existing, _lock: lock })
    }

    pub(super) fn lock_of(staging: &Path) -> PathBuf {
        staging.join(".lock")
    }

    /// The name that was taken.
    pub fn name(&self) -> &ArtifactName {
        &self.name
    }

    /// Where to write the tarball.
    pub fn tarball(&self) -> PathBuf {
        self.part(ArtifactPart::Tarball)
    }

    /// Where the files are that compiling makes.
    pub fn outputs(&self) -> BuildOutputs {
        BuildOutputs { tarball: self.tarball(), debug_info: self.debug_info(), logs: self.path.join("logs") }
    }

    /// Where to write the record.
    pub fn record(&self) -> PathBuf {
        self.part(ArtifactPart::Record)
    }

    /// Where to write the bill of materials.
    pub fn sbom(&self) -> PathBuf {
        self.part(ArtifactPart::Sbom)
    }

    /// Where to write where it comes from.
    pub fn provenance(&self) -> PathBuf {
        self.part(ArtifactPart::Provenance)
    }

    /// Counts published with earlier builds of the same version and image, those of the newest build first.
    pub fn published_profile_data(&self) -> io::Result<Vec<PathBuf>> {
        self.folder.published_profile_data(&self.name.version, &self.name.image_label)
    }

    /// Where to write the counts that the tarball was optimised by.
    pub fn profile_data(&self) -> PathBuf {
        self.part(ArtifactPart::ProfileData)
    }

    /// Where to put something that is published among the logs.
    pub fn among_logs(&self, file: &str) -> PathBuf {
        self.path.join("logs").join(file)
    }

    /// The name that [`Self::among_logs`] will have, seen from the folder of artifacts.
    pub fn published_log(&self, file: &str) -> String {
        let logs = self.folder.logs(&self.name);
        let logs = logs.strip_prefix(self.folder.path()).unwrap_or(&logs);
        logs.join(file).to_string_lossy().into_owned()
    }

    /// Where to write the debug info that was split off the tarball's programs and libraries.
    pub fn debug_info(&self) -> PathBuf {
        self.part(ArtifactPart::DebugInfo)
    }

    /// Where to write a step's log.
    pub fn log(&self, step: &str) -> PathBuf {
        self.path.join("logs").join(format!("{step}.log"))
    }

    /// Writes the tarball's checksum beside it.
    pub fn write_checksum(&self, sha256: Sha256) -> io::Result<()> {
        let line = vmbuild_archive::checksum_line(&sha256.to_string(), &self.name.to_string());
        File::create(self.checksum())?.write_all(line.as_bytes())
    }

    /// Puts the logs, then counts, debug info, papers, record, checksum and tarball into their places, in this order: whoever sees the
    /// tarball sees the rest.
    /// `validated` is the digest of what passed the checks; nothing else is published.
    pub async fn publish(self, validated: Sha256, cancel: &CancellationToken) -> Result<PlacedArtifact, ArtifactError> {
        let folder = self.folder.lock(cancel).await?;
        let work = tokio::task::spawn_blocking(move || {
            // The thread finishes even if nobody waits for it, so it keeps the lock itself.
            let _folder = folder;
            self.place(validated)
        });
        match work.await.map_err(JoinError::try_into_panic) {
            Ok(placed) => placed,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => Err(ArtifactError::Cancelled),
        }
    }

    fn place(self, validated: Sha256) -> Result<PlacedArtifact, ArtifactError> {
        let (bytes, found) = vmbuild_archive::sha256_file(&self.tarball())?;
        let found = Sha256::from(found);
        if found != validated {
            return Err(ArtifactError::Changed { name: self.name.clone(), validated, found });
        }
        self.seal(validated)?;
        let placed = self.make_room().and_then(|()| self.put());
        if placed.is_err() {
            self.put_back()?;
        }
        placed?;
        sync_folder(self.folder.path())?;
        let place = |part: ArtifactPart| part.within(self.folder.path(), &self.name);
        let if_there = |part: ArtifactPart| Some(place(part)).filter(|path| path.exists());
        Ok(PlacedArtifact {
            tarball: place(ArtifactPart::Tarball),
            checksum: place(ArtifactPart::Checksum),
            record: place(ArtifactPart::Record),
            sbom: if_there(ArtifactPart::Sbom),
            provenance: if_there(ArtifactPart::Provenance),
            profile_data: if_there(ArtifactPart::ProfileData),
            debug_info: if_there(ArtifactPart::DebugInfo),
            logs: self.folder.logs(&self.name),
            sha256: validated,
            bytes,
        })
    }

    /// Writes the checksum, and makes all files readable and durable before anybody can see them.
    fn seal(&self, sha256: Sha256) -> io::Result<()> {
        self.write_checksum(sha256)?;
        for path in ArtifactPart::ALL.map(|part| self.part(part)).iter().filter(|path| path.exists()) {
            fs_err::set_permissions(path, Permissions::from_mode(0o644))?;
            File::open(path)?.sync_all()?;
        }
        Ok(())
    }

    /// Takes away what has the name, if that is allowed: first the tarball, so that it is never seen with another's
    /// checksum. A checksum alone is what a killed publisher left; nobody else is publishing, for the lock is held.
    fn make_room(&self) -> Result<(), ArtifactError> {
        let tarball = self.folder.tarball(&self.name);
        if self.existing == ExistingArtifact::Keep && tarball.exists() {
            return Err(self.exists()?);
        }
        for part in ArtifactPart::ALL.into_iter().rev() {
            unless_gone(fs_err::rename(part.within(self.folder.path(), &self.name), self.path.join(part.aside())))?;
        }
        Ok(())
    }

    fn put(&self) -> Result<(), ArtifactError> {
        let logs = self.folder.logs(&self.name);
        unless_gone(fs_err::remove_dir_all(&logs))?;
        move_to_new(&self.path.join("logs"), &logs)?;
        for (index, part) in ArtifactPart::ALL.into_iter().enumerate().filter(|(_, part)| self.part(*part).exists()) {
            let to = part.within(self.folder.path(), &self.name);
            self.put_new(&self.part(part), &to).inspect_err(|_| self.take_back(&ArtifactPart::ALL[..index]))?;
        }
        Ok(())
    }

    /// Removes what was placed a moment ago. What cannot be removed, the next publisher of this name removes.
    fn take_back(&self, placed: &[ArtifactPart]) {
        for part in placed {
            let _ = fs_err::remove_file(part.within(self.folder.path(), &self.name));
        }
    }

    fn put_new(&self, from: &Path, to: &Path) -> Result<(), ArtifactError> {
        match rename_to_new(from, to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(self.exists()?),
            other => Ok(other?),
        }
    }

    /// Undoes `make_room`: the tarball last, each only if nobody took its name meanwhile.
    fn put_back(&self) -> io::Result<()> {
        for part in ArtifactPart::ALL {
            let (old, place) = (self.path.join(part.aside()), part.within(self.folder.path(), &self.name));
            if old.exists() && !place.exists() {
                rename_to_new(&old, &place)?;
            }
        }
        Ok(())
    }

    fn exists(&self) -> io::Result<ArtifactError> {
        let free = self.folder.next_build_number(&self.name.version, &self.name.image_label)?;
        Ok(ArtifactError::Exists { name: self.name.clone(), free })
    }

    fn checksum(&self) -> PathBuf {
        self.part(ArtifactPart::Checksum)
    }

    fn part(&self, part: ArtifactPart) -> PathBuf {
        part.within(&self.path, &self.name)
    }

    /// Keeps what a failed build left, under the job's name, and says where. A tarball that did not pass is called
    /// `rejected.tgz` there, so that nobody takes it for an artifact.
    pub fn fail(self, job: &str) -> Result<PathBuf, ArtifactError> {
        let failed = self.folder.failed(&self.name, job);
        unless_gone(fs_err::remove_dir_all(&failed))?;
        move_to_new(&self.path.join("logs"), &failed)?;
        unless_gone(fs_err::rename(self.tarball(), failed.join("rejected.tgz")))?;
        sync_folder(&failed)?;
        Ok(failed)
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next build: its lock is free then.
        let _ = fs_err::remove_dir_all(&self.path);
    }
}

/// Moves a folder to where none is, making the folder above it.
fn move_to_new(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(above) = to.parent() {
        fs_err::create_dir_all(above)?;
    }
    rename_to_new(from, to)
}
