//! From a publisher's disk to a clean tree and a kernel.
//!
//! A cloud image is a whole disk with partitions, a boot loader and services that prepare it for its first user.
//! None of that is wanted in a golden machine, and none of it can be taken apart without root. So the disk is
//! booted once, with a second disk (the seed) that makes its own start-up run our agent. The agent installs what a
//! clean machine has, and sends the root file system out as an archive. The disk itself is never written to: what
//! the boot changes goes to an overlay that is thrown away.
//!
//! In the order of events: `seed` and `words` make what the guest is told; `kernel` takes the image's own kernel
//! out of the disk, since a kernel that QEMU starts directly can be told to start the agent before everything else;
//! `firmware` is for disks where that fails; `phase` reads from the console how far the guest is; `boot` waits for
//! the agent; `grow`, `provision` and `tree` work with it; `generalise` removes what this boot left; `make` does all of it.

mod boot;
mod debugfs;
mod firmware;
mod generalise;
mod grow;
mod guest;
mod kernel;
mod make;
mod partition;
mod phase;
mod provision;
mod seed;
mod tree;
mod words;

pub(super) use firmware::HINT as FIRMWARE_HINT;
pub use make::FirmwareUse;
pub(super) use make::{BaseDisk, FirstBoot, make};
pub use phase::FirstBootPhase;
pub(super) use provision::Provisioned;
