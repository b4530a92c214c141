//! Unix sockets, whose paths may be longer than the kernel takes.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use tokio::net::UnixStream;

/// Longest socket path the kernel takes, without the final zero (`sun_path` is 108 bytes on Linux, 104 on macOS).
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Connects to a Unix socket. A path that is too long is reached through its folder's descriptor, where there is
/// `/proc`.
pub async fn connect_socket(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= LONGEST || !cfg!(target_os = "linux") {
        return UnixStream::connect(path).await;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = fs_err::File::open(folder)?;
    let number = folder.file().as_raw_fd().to_string();
    // `folder` stays open until the connection is made.
    UnixStream::connect(Path::new("/proc/self/fd").join(number).join(name)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags};

    #[tokio::test]
    async fn a_long_path_is_no_obstacle() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("x".repeat(120));
        fs_err::create_dir(&folder).expect("a long name");
        let handle = rustix::fs::open(&folder, OFlags::PATH, Mode::empty()).expect("it is there");
        let short = format!("/proc/self/fd/{}/agent.sock", handle.as_raw_fd());
        let _listener = std::os::unix::net::UnixListener::bind(short).expect("a socket in it");
        assert!(connect_socket(&folder.join("agent.sock")).await.is_ok());
        assert!(connect_socket(&folder.join("other.sock")).await.is_err());
    }

    #[tokio::test]
    async fn nobody_there_is_an_error() {
        let root = tempfile::tempdir().expect("a folder");
        let gone = connect_socket(&root.path().join("d".repeat(200)).join("s")).await;
        assert_eq!(gone.expect_err("nothing is there").kind(), io::ErrorKind::NotFound);
    }
}
