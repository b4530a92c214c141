//! The second disk of a machine's first boot: read-only, and small.

use super::arguments::{OptionArguments, QemuOption};
use super::disk::VirtioBlkPci;
use super::string::{OptionString, QemuSwitch};
use std::ffi::OsString;
use std::path::PathBuf;

/// The seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeedDisk(pub(crate) PathBuf);

const FILE: &str = "seed-file";
const SEED: &str = "seed";

impl SeedDisk {
    pub(crate) fn append_to(&self, arguments: &mut OptionArguments) {
        arguments
            .option(&BlockdevSeedFile { filename: self.0.clone() })
            .option(&BlockdevSeed)
            .option(&VirtioBlkPci { drive: SEED, bootindex: None });
    }
}

/// `-blockdev driver=file`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BlockdevSeedFile {
    filename: PathBuf,
}

impl QemuOption for BlockdevSeedFile {
    const SWITCH: &'static str = "-blockdev";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("driver", "file")
            .set("node-name", FILE)
            .set("filename", &self.filename)
            .switch("read-only", QemuSwitch::On)
            .into_value()
    }
}

/// `-blockdev driver=raw`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlockdevSeed;

impl QemuOption for BlockdevSeed {
    const SWITCH: &'static str = "-blockdev";

    fn value(&self) -> OsString {
        OptionString::new()
            .set("driver", "raw")
            .set("node-name", SEED)
            .set("file", FILE)
            .switch("read-only", QemuSwitch::On)
            .into_value()
    }
}
