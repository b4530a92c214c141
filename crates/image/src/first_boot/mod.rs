//! From a publisher's disk to a clean tree and a kernel.
//!
//! A cloud image is a whole disk with partitions, a boot loader and services that prepare it for its first user.
//! A golden machine needs none of that, and taking the disk apart would need root. So the disk is booted once, with a
//! second disk (the seed) that makes its start-up run our agent. The agent installs the clean machine's packages and
//! sends the root file system out as an archive. The disk itself is never written to: changes go to an overlay that is
//! thrown away.
//!
//! In the order of events: `seed` and `guest_config` make the guest's configuration; `kernel` copies the image's own kernel
//! out of the disk, since a kernel that QEMU starts directly can be told to start the agent before everything else;
//! `firmware` is for disks where that fails; `phase` reads from the console how far the guest is; `boot` waits for
//! the agent; `grow`, `provision` and `tree` work with it; `generalise` removes the traces of this boot; `run` does all of it.

mod boot;
mod debugfs;
mod error;
mod firmware;
mod generalise;
mod grow;
mod guest;
mod guest_config;
mod kernel;
mod partition;
mod phase;
mod provision;
mod run;
mod seed;
mod tree;

pub use error::FirstBootError;
pub use phase::FirstBootPhase;
pub use run::FirmwareUse;

pub(crate) use firmware::FIRMWARE_HINT;
pub(crate) use provision::ProvisionedDisk;
pub(crate) use run::{BaseDisk, FirstBoot, run_first_boot};
