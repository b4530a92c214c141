//! The Debian archive this machine's apt is configured with.

use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::{Command, Deadline};

/// The archive's address, or why it is not known.
pub(super) async fn debian_archive(cancel: &CancellationToken) -> Result<String, String> {
    let command = Command::new("apt-get").args(["indextargets", "--format", "$(SITE)", "Created-By: Packages"]);
    let listed = command.output(Deadline::after(Duration::from_secs(20)), cancel).await;
    let listed = listed.map_err(|error| error.to_string())?;
    let listed = String::from_utf8_lossy(&listed);
    let site = listed.lines().find(|site| site.starts_with("http") && site.ends_with("/debian"));
    site.map(str::to_owned).ok_or_else(|| "apt is not configured with a Debian archive".to_owned())
}
