//! A tree as text: one line an entry, in the order of the bytes of their paths.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Attributes that say how the file is stored, not what it is.
const STORAGE: [&[u8]; 3] = [b"trusted.overlay.", b"user.overlay.", b"security.selinux"];

/// Lists `tree` into `file`.
pub(super) fn write(tree: &Path, file: &Path) -> io::Result<()> {
    let mut out = io::BufWriter::new(fs_err::File::create(file)?);
    walk(tree, Path::new("."), &mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn walk(path: &Path, shown: &Path, out: &mut impl Write) -> io::Result<()> {
    let metadata = fs_err::symlink_metadata(path)?;
    out.write_all(line(path, shown, &metadata)?.as_bytes())?;
    if metadata.is_dir() {
        let names = fs_err::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<OsString>>>();
        let mut names = names?;
        names.sort();
        for name in names {
            walk(&path.join(&name), &shown.join(&name), out)?;
        }
    }
    Ok(())
}

fn line(path: &Path, shown: &Path, metadata: &Metadata) -> io::Result<String> {
    let (kind, content) = content(path, metadata)?;
    let (mode, owner, group) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
    let name = escaped(shown.as_os_str());
    let times = metadata.mtime();
    let mut line = format!("{name} {kind} {mode:04o} {owner}:{group} {times} {content}");
    for (name, value) in attributes(path)? {
        // Writing to a string cannot fail.
        let _ = write!(line, " {}={}", escaped(&name), hex::encode(value));
    }
    line.push('\n');
    Ok(line)
}

/// The kind's letter, as `ls` has it, and what is inside.
fn content(path: &Path, metadata: &Metadata) -> io::Result<(char, String)> {
    let kind = metadata.file_type();
    let number = metadata.rdev() as rustix::fs::Dev;
    let device = || format!("{}:{}", rustix::fs::major(number), rustix::fs::minor(number));
    Ok(match () {
        () if kind.is_file() => ('-', file(path)?),
        () if kind.is_dir() => ('d', "-".to_owned()),
        () if kind.is_symlink() => ('l', escaped(fs_err::read_link(path)?.as_os_str())),
        () if kind.is_block_device() => ('b', device()),
        () if kind.is_char_device() => ('c', device()),
        () if kind.is_fifo() => ('p', "-".to_owned()),
        () => ('s', "-".to_owned()),
    })
}

fn file(path: &Path) -> io::Result<String> {
    let (size, sha256) = vmbuild_archive::sha256_file(path)?;
    Ok(format!("{size} {}", hex::encode(sha256)))
}

/// Extended attributes, sorted; none where the file system has none.
fn attributes(path: &Path) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    let names = match sized(|buffer| rustix::fs::llistxattr(path, buffer)) {
        Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
        names => names?,
    };
    let mut found = Vec::new();
    let kept = |name: &&[u8]| !name.is_empty() && !STORAGE.iter().any(|prefix| name.starts_with(prefix));
    for name in names.split(|&byte| byte == 0).filter(kept) {
        let value = sized(|buffer| rustix::fs::lgetxattr(path, name, buffer))?;
        found.push((OsStr::from_bytes(name).to_owned(), value));
    }
    found.sort();
    Ok(found)
}

/// The most that Linux allows for either. Source: xattr(7).
fn sized(read: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    let length = read(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// One word of printable ASCII.
fn escaped(text: &OsStr) -> String {
    let mut out = String::new();
    for &byte in text.as_bytes() {
        if byte.is_ascii_graphic() && byte != b'\\' {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn listed(change: impl Fn(&std::path::Path)) -> String {
        let home = tempfile::tempdir().expect("a folder");
        let tree = home.path().join("tree");
        fs_err::create_dir_all(tree.join("b")).expect("made");
        fs_err::write(tree.join("b/file"), "text\n").expect("written");
        fs_err::write(tree.join("a b\\\n"), "").expect("written");
        symlink("b/file", tree.join("link")).expect("linked");
        rustix::fs::mknodat(rustix::fs::CWD, tree.join("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .expect("made");
        change(&tree);
        for name in ["b/file", "b", "a b\\\n", "link", "pipe", "."] {
            let time = rustix::fs::Timespec { tv_sec: 7, tv_nsec: 0 };
            let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(rustix::fs::CWD, tree.join(name), &times, flags).expect("set");
        }
        write(&tree, &home.path().join("list")).expect("listed");
        let text = fs_err::read_to_string(home.path().join("list")).expect("a list");
        let metadata = fs_err::metadata(&tree).expect("a tree");
        let owner = std::os::unix::fs::MetadataExt::uid(&metadata);
        let group = std::os::unix::fs::MetadataExt::gid(&metadata);
        text.replace(&format!(" {owner}:{group} "), " me ")
    }

    #[test]
    fn entries_are_these() {
        let mode = |tree: &std::path::Path| {
            for (name, mode) in [(".", 0o755), ("b", 0o700), ("b/file", 0o4640), ("a b\\\n", 0o600)] {
                fs_err::set_permissions(tree.join(name), std::fs::Permissions::from_mode(mode)).expect("set");
            }
        };
        insta::assert_snapshot!(listed(mode), @r"
        . d 0755 me 7 -
        ./a\x20b\x5c\x0a - 0600 me 7 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        ./b d 0700 me 7 -
        ./b/file - 4640 me 7 5 b9e68e1bea3e5b19ca6b2f98b73a54b73daafaa250484902e09982e07a12e733
        ./link l 0777 me 7 b/file
        ./pipe p 0400 me 7 -
        ");
    }

    #[test]
    fn every_difference_shows() {
        let same = listed(|_| ());
        assert_eq!(listed(|_| ()), same);
        assert_ne!(listed(|tree| fs_err::write(tree.join("b/file"), "texT\n").expect("written")), same);
        let mode = std::fs::Permissions::from_mode(0o600);
        assert_ne!(listed(|tree| fs_err::set_permissions(tree.join("b"), mode.clone()).expect("set")), same);
        let attribute = |name: &'static str| {
            listed(move |tree| {
                let flags = rustix::fs::XattrFlags::empty();
                rustix::fs::lsetxattr(tree.join("b"), name, b"y", flags).expect("set");
            })
        };
        assert_ne!(attribute("user.word"), same);
        assert_eq!(attribute("user.overlay.opaque"), same, "how an overlay stores it is no part of it");
    }
}
