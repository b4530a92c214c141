//! The root disk: a copy-on-write overlay over a base that is never written to.
//!
//! The chain is written out node by node instead of trusting the backing file's name in the overlay's header: what
//! is opened, and that the base is opened read-only, is then in the command line for all to see.

use super::arguments::{OptionArguments, QemuOption};
use super::string::{OptionString, QemuSwitch};
use crate::Lifetime;
use crate::qemu::files;
use std::ffi::OsString;
use std::path::PathBuf;

/// The root disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiskDevice {
    /// The image beneath. Absolute.
    pub(crate) base: PathBuf,
    /// Its format.
    pub(crate) format: BlockFormat,
    /// Position in the firmware's search for a boot loader.
    pub(crate) bootindex: Option<u32>,
    /// Handling of the guest's flush requests.
    pub(crate) flush: FlushMode,
}

/// The format of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockFormat {
    /// The disk's bytes.
    Raw,
    /// QEMU's own.
    Qcow2,
}

impl BlockFormat {
    /// QEMU's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// Handling of the guest's flushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlushMode {
    /// They reach the host's disk.
    Honoured,
    /// They are dropped: much faster, and a power cut of the host ruins the overlay. For disks nobody keeps.
    Dropped,
}

impl FlushMode {
    /// A job's disk is thrown away; a named machine's outlives a power cut.
    pub(crate) fn of(lifetime: Lifetime) -> Self {
        match lifetime {
            Lifetime::Job => Self::Dropped,
            Lifetime::Named => Self::Honoured,
        }
    }

    fn no_flush(self) -> QemuSwitch {
        match self {
            Self::Honoured => QemuSwitch::Off,
            Self::Dropped => QemuSwitch::On,
        }
    }
}

impl DiskDevice {
    pub(crate) fn append_to(&self, arguments: &mut OptionArguments) {
        let no_flush = self.flush.no_flush();
        arguments
            .option(&BlockdevBaseFile { filename: self.base.clone() })
            .option(&BlockdevBase { format: self.format })
            .option(&BlockdevOverlayFile { filename: files::OVERLAY, cache_no_flush: no_flush })
            .option(&BlockdevOverlay { cache_no_flush: no_flush })
            .option(&VirtioBlkPci { drive: OVERLAY, bootindex: self.bootindex });
    }
}

const BASE_FILE: &str = "base-file";
const BASE: &str = "base";
const OVERLAY_FILE: &str = "overlay-file";
/// The node that the guest's disk reads and writes: QMP names it so.
pub(crate) const OVERLAY: &str = "overlay";

/// `-blockdev driver=file` of the base.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BlockdevBaseFile {
    filename: PathBuf,
}

impl QemuOption for BlockdevBaseFile {
    const SWITCH: &'static str = "-blockdev";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("driver", "file")
            .set("node-name", BASE_FILE)
            .set("filename", &self.filename)
            .switch("read-only", QemuSwitch::On)
            .into_value()
    }
}

/// `-blockdev` of the base's format. Whoever hands over a qcow2 base has seen that it names no backing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlockdevBase {
    format: BlockFormat,
}

impl QemuOption for BlockdevBase {
    const SWITCH: &'static str = "-blockdev";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("driver", self.format.as_str())
            .set("node-name", BASE)
            .set("file", BASE_FILE)
            .switch("read-only", QemuSwitch::On)
            .into_value()
    }
}

/// `-blockdev driver=file` of the overlay. Blocks the guest discards are given back to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlockdevOverlayFile {
    filename: &'static str,
    cache_no_flush: QemuSwitch,
}

impl QemuOption for BlockdevOverlayFile {
    const SWITCH: &'static str = "-blockdev";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("driver", "file")
            .set("node-name", OVERLAY_FILE)
            .set("filename", self.filename)
            .set("discard", "unmap")
            .switch("cache.no-flush", self.cache_no_flush)
            .into_value()
    }
}

/// `-blockdev driver=qcow2` of the overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlockdevOverlay {
    cache_no_flush: QemuSwitch,
}

impl QemuOption for BlockdevOverlay {
    const SWITCH: &'static str = "-blockdev";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("driver", "qcow2")
            .set("node-name", OVERLAY)
            .set("file", OVERLAY_FILE)
            .set("backing", BASE)
            .set("discard", "unmap")
            .switch("cache.no-flush", self.cache_no_flush)
            .into_value()
    }
}

/// `-device virtio-blk-pci`: the first is `/dev/vda` in the guest. A write for which the host has no room stops the guest
/// instead of failing in it (`werror`): somebody makes room, the guard lets it go on, and nothing is lost. Any other
/// error is the guest's to hear of: a broken disk does not mend while one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VirtioBlkPci {
    pub(super) drive: &'static str,
    /// Its turn when firmware looks for a boot loader.
    pub(super) bootindex: Option<u32>,
}

impl QemuOption for VirtioBlkPci {
    const SWITCH: &'static str = "-device";

    fn value(&self) -> OsString {
        let device =
            OptionString::of("virtio-blk-pci").set("drive", self.drive).set("werror", "enospc").set("rerror", "report");
        match self.bootindex {
            Some(turn) => device.number("bootindex", turn),
            None => device,
        }
        .into_value()
    }
}
