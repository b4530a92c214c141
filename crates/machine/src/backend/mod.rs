//! Backends: everything that runs machines, behind one trait.
//!
//! A backend is a folder of this crate (`qemu`, `sandbox`, `vagrant`, `vz`) and one line in [`registry`](BACKENDS). The
//! values of `--backend`, the automatic choice, the sweep and the format of the machine record follow from the registry
//! and from each backend's [`Features`]; no other code knows which backends exist.

mod driver;
mod features;
mod registry;
mod session;

pub use driver::{Backend, BackendMachine, BackendUnavailable, BootTiming, MachineRoot, StartRequest, Transports};
pub use features::{AutoRank, Emulation, FeatureSupport, Features, RootKind};
pub use registry::{BACKENDS, BackendRecord};

pub(crate) use registry::backend_of_folder;
pub(crate) use session::{EXIT_NOTICE, SessionRequest, died, open_session};
