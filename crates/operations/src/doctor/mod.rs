//! Checks of this host, before a build fails in its ninth minute.
//!
//! No check boots a machine or changes the host: a guest kernel that hangs would take the doctor with it. Only `verb` runs
//! fixes, when asked to.

mod archive;
mod install;
mod kernel;
mod resources;
mod tools;
mod users;
mod vagrant;
mod verb;

pub use verb::{DoctorOutcome, DoctorRequest, doctor};

use tokio_util::sync::CancellationToken;
use vmbuild_core::finding::Finding;
use vmbuild_core::store::Store;

/// Looks at everything, in the order a build needs it.
pub async fn examine(store: &Store, cancel: &CancellationToken) -> Vec<Finding> {
    let root = rustix::process::geteuid().is_root();
    let mut findings = tools::examine(root, cancel).await;
    findings.push(tools::agent());
    findings.push(archive::examine(cancel).await);
    findings.extend(users::examine(root));
    findings.push(kernel::hypervisor(store).await);
    findings.push(kernel::vsock());
    findings.push(vagrant::examine(cancel).await);
    findings.push(resources::disk(store.root()));
    findings.push(resources::memory());
    findings
}
