//! Packing a tree so that equal trees give equal bytes.
//!
//! Owner, group and their names, times and permission details differ between two builds of the same source, as does
//! the order in which a folder lists its files. They do not describe the software, so they are normalised:
//! entries are sorted by path, belong to user and group 0 without names, carry one given time, and have mode 0755
//! (folders and executables) or 0644. Names too long for the header use GNU's long-name entries.

use crate::digest::HashWriter;
use crate::error::{ArchiveError, io};
use crate::replace::{folder_of, replaceable, sync_folder};
use crate::walk::{TreeNode, WalkedKind, walk};
use flate2::{Compression, GzBuilder};
use std::io::{BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// gzip's own default: beyond it, seconds buy few bytes.
const LEVEL: u32 = 6;

/// Summary of a packed archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackSummary {
    /// Entries in it: files, folders and links.
    pub entries: u64,
    /// Bytes of its files before compression; a hard link adds nothing.
    pub unpacked_bytes: u64,
    /// The archive's own length in bytes.
    pub bytes: u64,
    /// SHA-256 of the archive.
    pub sha256: [u8; 32],
}

/// Packs the contents of `root` as a gzip-compressed tar archive `to`; `root` itself is not an entry. Every entry's time is
/// `mtime`, in seconds since the Unix epoch. The archive appears under its name only when complete and on disk.
pub fn pack_tree(root: &Path, to: &Path, mtime: u64) -> Result<PackSummary, ArchiveError> {
    let to = &replaceable(to).map_err(|error| io("create", to)(error.into()))?;
    let folder = folder_of(to);
    refuse_inside(root, folder, to)?;
    let nodes = walk(root)?;
    let mut part = tempfile::Builder::new()
        .prefix(".packing-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(io("create a file in", folder))?;
    let (bytes, sha256) = write(root, &nodes, mtime, to, part.as_file_mut())?;
    part.as_file().sync_all().map_err(io("write", to))?;
    part.persist(to).map_err(|failed| io("create", to)(failed.error))?;
    sync_folder(folder).map_err(io("write", folder))?;
    let unpacked_bytes =
        nodes.iter().map(|node| if let WalkedKind::File { bytes, .. } = node.kind { bytes } else { 0 }).sum();
    Ok(PackSummary { entries: nodes.len() as u64, unpacked_bytes, bytes, sha256 })
}

fn refuse_inside(root: &Path, folder: &Path, to: &Path) -> Result<(), ArchiveError> {
    let root = fs_err::canonicalize(root).map_err(io("find", root))?;
    let folder = fs_err::canonicalize(folder).map_err(io("find", folder))?;
    if folder.starts_with(root) { Err(ArchiveError::InsideTree(to.to_owned())) } else { Ok(()) }
}

fn write(
    root: &Path,
    nodes: &[TreeNode],
    mtime: u64,
    to: &Path,
    file: &mut std::fs::File,
) -> Result<(u64, [u8; 32]), ArchiveError> {
    let hashed = HashWriter::new(BufWriter::with_capacity(1 << 17, file));
    let mut builder = Builder::new(GzBuilder::new().mtime(0).write(hashed, Compression::new(LEVEL)));
    for node in nodes {
        append(&mut builder, root, node, mtime, to)?;
    }
    let finished = builder.into_inner().and_then(flate2::write::GzEncoder::finish);
    let (mut buffer, bytes, sha256) = finished.map_err(io("write", to))?.finish();
    buffer.flush().map_err(io("write", to))?;
    Ok((bytes, sha256))
}

fn append(
    builder: &mut Builder<impl Write>,
    root: &Path,
    node: &TreeNode,
    mtime: u64,
    to: &Path,
) -> Result<(), ArchiveError> {
    let mut name = node.path.as_os_str().as_bytes().to_vec();
    let (kind, mode, link) = match &node.kind {
        WalkedKind::Folder => {
            name.push(b'/');
            (EntryType::Directory, 0o755, None)
        }
        WalkedKind::File { executable, .. } => (EntryType::Regular, if *executable { 0o755 } else { 0o644 }, None),
        WalkedKind::HardLink(first) => (EntryType::Link, 0o644, Some(first)),
        WalkedKind::Symlink(target) => (EntryType::Symlink, 0o777, Some(target)),
    };
    let mut header = blank(kind, mode, mtime);
    put_name(builder, &mut header, PackSlot::Name, &name).map_err(io("write", to))?;
    if let Some(link) = link {
        put_name(builder, &mut header, PackSlot::Link, link.as_os_str().as_bytes()).map_err(io("write", to))?;
    }
    if let WalkedKind::File { bytes, .. } = node.kind {
        return append_file(builder, &mut header, &root.join(&node.path), bytes, to);
    }
    header.set_cksum();
    builder.append(&header, std::io::empty()).map_err(io("write", to))
}

fn blank(kind: EntryType, mode: u32, mtime: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(0);
    header
}

#[derive(Clone, Copy)]
enum PackSlot {
    Name,
    Link,
}

/// Puts a name into the header, after an entry that holds it whole if it is too long. The bytes stay as they are: the
/// tar crate's own setters reject some names that are not UTF-8.
fn put_name(
    builder: &mut Builder<impl Write>,
    header: &mut Header,
    slot: PackSlot,
    name: &[u8],
) -> std::io::Result<()> {
    let old = header.as_old_mut();
    let (field, kind) = match slot {
        PackSlot::Name => (&mut old.name, EntryType::GNULongName),
        PackSlot::Link => (&mut old.linkname, EntryType::GNULongLink),
    };
    let fits = name.len().min(field.len() - 1);
    field[..fits].copy_from_slice(&name[..fits]);
    if fits == name.len() {
        return Ok(());
    }
    let mut long = blank(kind, 0o644, 0);
    let marker = b"././@LongLink";
    long.as_old_mut().name[..marker.len()].copy_from_slice(marker);
    long.set_size(name.len() as u64 + 1);
    long.set_cksum();
    builder.append(&long, name.chain(&b"\0"[..]))
}

fn append_file(
    builder: &mut Builder<impl Write>,
    header: &mut Header,
    path: &Path,
    bytes: u64,
    to: &Path,
) -> Result<(), ArchiveError> {
    header.set_size(bytes);
    header.set_cksum();
    let file = fs_err::File::open(path).map_err(io("read", path))?;
    // One byte more than promised, to notice a file that grew.
    let mut contents = CountingReader { inner: file.take(bytes + 1), bytes: 0 };
    builder.append(header, &mut contents).map_err(io("write", to))?;
    if contents.bytes == bytes { Ok(()) } else { Err(ArchiveError::Changed(path.to_owned())) }
}

/// Counts bytes as they are read.
struct CountingReader<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(to)?;
        self.bytes += got as u64;
        Ok(got)
    }
}
