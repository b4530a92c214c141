//! Accelerators, and checking that they really work on this host.
//!
//! A hypervisor is easy to find and hard to trust. On some hosts (nested or paravirtual ones) `/dev/kvm` opens,
//! QEMU starts and firmware runs, and the kernel then hangs forever. So an accelerator is trusted only once a guest kernel has
//! reached user space under it: [`probe`] boots one. The outcome is kept in the store's cache, because it does not change
//! until the kernel, QEMU or the processor does.
//!
//! * [`HypervisorDevice`]: existence and permissions of the hypervisor. Cheap; checked each time.
//! * [`AcceleratorFinding`]: outcome of a guest kernel under it, as a sentence.
//! * [`examine`]: both, with the cache. [`choose`]: the first accelerator that works.

mod cache;
mod choose;
mod device;
mod examine;
mod finding;
mod host_virtualization;
mod probe;

pub use cache::last;
pub use choose::{AcceleratorError, BootFailure, ChosenAccelerator, HARDWARE, choose};
pub use device::HypervisorDevice;
pub use examine::{BootFiles, ProbeFreshness, examine};
pub use finding::AcceleratorFinding;
pub use host_virtualization::HostVirtualization;
pub use probe::{ProbeOutcome, probe};
