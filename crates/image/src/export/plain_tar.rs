//! Tar archives around a few files that were just made: a box, an OCI layout in one file.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// An entry of an archive.
#[derive(Debug, Clone)]
pub(super) struct TarEntry {
    /// Its name in the archive.
    pub(super) name: String,
    /// The file with its contents; `None` for a folder.
    pub(super) file: Option<PathBuf>,
}

/// Writes files and folders as a tar archive, in this order, with one owner, mode and time, and syncs it.
pub(super) async fn write(to: PathBuf, entries: Vec<TarEntry>) -> io::Result<()> {
    vmbuild_core::blocking(move || write_archive(&to, &entries)).await
}

fn write_archive(to: &Path, entries: &[TarEntry]) -> io::Result<()> {
    let mut builder = Builder::new(BufWriter::with_capacity(1 << 17, fs_err::File::create(to)?));
    for TarEntry { name, file } in entries {
        match file {
            None => builder.append_data(&mut header(EntryType::Directory, 0o755, 0), name, io::empty())?,
            Some(path) => {
                let file = fs_err::File::open(path)?;
                let bytes = file.metadata()?.len();
                builder.append_data(&mut header(EntryType::Regular, 0o644, bytes), name, file)?;
            }
        }
    }
    let mut buffer = builder.into_inner()?;
    buffer.flush()?;
    buffer.get_ref().sync_all()
}

fn header(kind: EntryType, mode: u32, bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(crate::golden::EPOCH.parse().unwrap_or(0));
    header.set_size(bytes);
    header
}

#[cfg(test)]
mod tests {
    use super::{TarEntry, write};

    #[tokio::test]
    async fn entries_keep_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs_err::write(at("one"), "1").expect("written");
        let entry = |name: &str, file| TarEntry { name: name.to_owned(), file };
        let entries = vec![entry("blobs", None), entry("blobs/one", Some(at("one")))];
        write(at("a.tar"), entries.clone()).await.expect("written");
        write(at("b.tar"), entries).await.expect("written");
        let bytes = fs_err::read(at("a.tar")).expect("read");
        assert_eq!(bytes, fs_err::read(at("b.tar")).expect("read"));
        let mut archive = tar::Archive::new(&bytes[..]);
        let names = archive.entries().expect("entries").map(|entry| {
            let entry = entry.expect("an entry");
            (entry.path().expect("a path").display().to_string(), entry.header().mtime().expect("a time"))
        });
        let expect = [("blobs", 1_700_000_000), ("blobs/one", 1_700_000_000)];
        assert_eq!(names.collect::<Vec<_>>(), expect.map(|(name, time)| (name.to_owned(), time)));
    }
}
