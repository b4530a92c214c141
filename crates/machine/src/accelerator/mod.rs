//! Accelerators: which of them really work here.
//!
//! A hypervisor is easy to find and hard to trust. On some hosts (nested or paravirtual ones) `/dev/kvm` opens,
//! QEMU starts and firmware runs, and the kernel then hangs for ever. So an accelerator is believed only once a
//! guest kernel has reached user space under it: [`probe`] boots one. What it found is kept in the store's cache,
//! since it does not change until the kernel, QEMU or the processor does.
//!
//! * [`HypervisorDevice`]: is there a hypervisor, and may we use it? Cheap; asked each time.
//! * [`AcceleratorFinding`]: what came of a guest kernel under it, in a sentence for people.
//! * [`examine`]: both, with the cache. [`choose`]: the first that works.

mod cache;
mod choose;
mod device;
mod examine;
mod finding;
mod host_virtualization;
mod probe;

pub use cache::last;
pub use choose::{AcceleratorError, BootFailure, Chosen, HARDWARE, choose};
pub use device::HypervisorDevice;
pub use examine::{BootFiles, Freshness, examine};
pub use finding::AcceleratorFinding;
pub use host_virtualization::HostVirtualization;
pub use probe::{ProbeOutcome, probe};
