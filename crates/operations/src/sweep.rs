//! Removing what killed commands left behind.

use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;

/// Ends and removes job machines whose vmbuild is gone, and folders that were never finished. Operations on machines and
/// images begin with this.
pub async fn sweep(context: &Context) -> Result<(), Failure> {
    let Context { store, events, cancel } = context;
    Ok(vmbuild_machine::sweep(store, events, cancel).await.map_err(StoreError::Io)?)
}
