//! The file's form: what may be in it, and how it is compressed.

use super::{ProfileDataError, gcda};
use flate2::read::GzDecoder;
use std::io::{self, Read};
use std::path::Path;
use vmbuild_cpython::{ProfileCoverage, ProfileDataInfo, profile_data};

/// A profile is some 2 MB packed and 10 MB unpacked; this is more than any can have, in bytes.
const LONGEST: u64 = 256 << 20;
/// An `about.json` is not longer than this, in bytes.
const LONGEST_ABOUT: u64 = 1 << 16;
/// Counts compress well, and are packed once: 19 of 22.
const LEVEL: i32 = 19;

/// Contents of a published profile.
#[derive(Debug)]
pub(super) struct ProfileContents {
    pub(super) about: ProfileDataInfo,
    pub(super) files: usize,
    pub(super) coverage: Option<ProfileCoverage>,
}

/// Description of the counts, their number of files, and their coverage. Anything else in the file is refused.
pub(super) fn inspect(path: &Path) -> Result<ProfileContents, ProfileDataError> {
    let refuse = |why: String| ProfileDataError::Form { path: path.to_owned(), why };
    let broken = |error: io::Error| refuse(error.to_string());
    let file =
        fs_err::File::open(path).map_err(|source| ProfileDataError::Unreadable { path: path.to_owned(), source })?;
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(broken)?.take(LONGEST));
    let (mut about, mut files, mut coverage) = (None, 0, None);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match kind(&name, entry.header().entry_type()) {
            Some(MemberKind::About) => about = Some(read_about(&mut entry).map_err(broken)?),
            Some(MemberKind::Counts) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(broken)?;
                coverage = sum(coverage, gcda::coverage(&bytes));
                files += 1;
            }
            Some(MemberKind::Folder) => {}
            None => return Err(refuse(format!("`{name}` is neither counts nor what describes them"))),
        }
    }
    // To the end of the compressed stream: its checksum stands there.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    let about = about.ok_or_else(|| refuse(format!("there is no {} in it", profile_data::ABOUT)))?;
    if files == 0 {
        return Err(refuse("there are no counts in it".to_owned()));
    }
    Ok(ProfileContents { about, files, coverage })
}

fn sum(all: Option<ProfileCoverage>, one: Option<ProfileCoverage>) -> Option<ProfileCoverage> {
    let (Some(a), Some(b)) = (all, one) else { return all.or(one) };
    Some(ProfileCoverage { functions: a.functions + b.functions, executed: a.executed + b.executed })
}

enum MemberKind {
    About,
    Counts,
    Folder,
}

fn kind(name: &str, what: tar::EntryType) -> Option<MemberKind> {
    let mut parts = name.trim_end_matches('/').split('/');
    let tame = parts.next() == Some(profile_data::FOLDER) && parts.all(|part| !["", ".", ".."].contains(&part));
    match what {
        tar::EntryType::Regular if name == profile_data::ABOUT => Some(MemberKind::About),
        tar::EntryType::Regular if tame && name.ends_with(profile_data::SUFFIX) => Some(MemberKind::Counts),
        tar::EntryType::Directory if tame => Some(MemberKind::Folder),
        _ => None,
    }
}

fn read_about(entry: &mut impl Read) -> io::Result<ProfileDataInfo> {
    let mut text = String::new();
    entry.take(LONGEST_ABOUT).read_to_string(&mut text)?;
    ProfileDataInfo::from_json(&text).map_err(io::Error::other)
}

/// From the agent's form to the published one.
pub(super) fn recompress(gzipped: &Path, to: &Path) -> io::Result<()> {
    let mut plain = GzDecoder::new(fs_err::File::open(gzipped)?).take(LONGEST);
    let mut packed = zstd::Encoder::new(fs_err::File::create(to)?, LEVEL)?;
    packed.include_checksum(true)?;
    io::copy(&mut plain, &mut packed)?;
    packed.finish()?.sync_all()
}

/// From the published form to a plain archive.
pub(super) fn decompress(packed: &Path, to: &Path) -> io::Result<()> {
    let mut plain = zstd::Decoder::new(fs_err::File::open(packed)?)?.take(LONGEST);
    io::copy(&mut plain, &mut fs_err::File::create(to)?)?;
    Ok(())
}
