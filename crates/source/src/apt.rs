//! The Debian archive this machine's apt is configured with.

use tokio_util::sync::CancellationToken;

/// The archive's address, or why it is not known.
pub(super) async fn debian_archive(cancel: &CancellationToken) -> Result<String, String> {
    vmbuild_image::debian_archive(cancel).await.map_err(|error| error.to_string())
}
