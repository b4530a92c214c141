//! Waiting for the root disk: its driver finds it some time after it was loaded.

use super::InitError;
use std::path::Path;
use std::time::Duration;
use vmbuild_supervise::Deadline;

/// How long a disk or a port may take to appear; generous, for an emulated processor on a busy host.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Waits until `device` (`/dev/<name>`) is listed in `/sys/block` and has its node.
pub(super) async fn wait_for(device: &str) -> Result<(), InitError> {
    let listed = Path::new("/sys/block").join(device.trim_start_matches("/dev/"));
    let there = || (listed.exists() && Path::new(device).exists()).then_some(());
    poll(PATIENCE, there).await.ok_or_else(|| InitError::NoDisk {
        device: device.to_owned(),
        seconds: PATIENCE.as_secs(),
        seen: names_in(Path::new("/sys/block")).join(" "),
    })
}

/// Asks again and again until there is an answer, or gives up.
pub(super) async fn poll<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(patience);
    loop {
        let answer = ask();
        if answer.is_some() || deadline.passed() {
            return answer;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The sorted names in a folder; none if it cannot be read.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::poll;
    use std::time::Duration;

    #[tokio::test(flavor = "current_thread")]
    async fn asks_until_there_is_an_answer_or_no_patience() {
        let mut asked = 0;
        let answer = poll(Duration::from_hours(1), || {
            asked += 1;
            (asked == 3).then_some("here")
        });
        assert_eq!(answer.await, Some("here"));
        assert_eq!(poll(Duration::ZERO, || None::<()>).await, None);
    }
}
