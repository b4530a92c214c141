//! Connecting to a Unix socket whose path may be longer than the kernel takes.

use std::io;
use std::path::Path;
use tokio::net::UnixStream;

/// The longest path of a socket, in bytes. Linux takes 107 and an end mark, macOS 103.
const LONGEST: usize = 103;

/// Connects to `path`. A path that is too long is reached through its folder's descriptor, where there is `/proc`.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= LONGEST || !cfg!(target_os = "linux") {
        return UnixStream::connect(path).await;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = fs_err::File::open(folder)?;
    let number = std::os::fd::AsRawFd::as_raw_fd(folder.file());
    // `folder` stays open until the connection is made.
    UnixStream::connect(Path::new(&format!("/proc/self/fd/{number}")).join(name)).await
}

#[cfg(test)]
mod tests {
    use super::connect;
    use tokio::net::UnixListener;

    #[tokio::test(flavor = "current_thread")]
    async fn a_long_path_is_reached() {
        if !cfg!(target_os = "linux") {
            eprintln!("skipped: only Linux has a way around the limit");
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let deep = temp.path().join("d".repeat(200));
        fs_err::create_dir(&deep).unwrap();
        let near = temp.path().join("s");
        let listener = UnixListener::bind(&near).unwrap();
        fs_err::rename(&near, deep.join("s")).unwrap();
        let connected = connect(&deep.join("s")).await;
        assert!(connected.is_ok(), "{connected:?}");
        drop(listener);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nobody_there_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let gone = connect(&temp.path().join("d".repeat(200)).join("s")).await;
        assert_eq!(gone.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
