//! Provisioning, recipes and packing. A recipe arrives as data: what CPython needs is known on the host.

use super::{CommandLine, PackageManager};
use serde::{Deserialize, Serialize};

/// Install packages with the guest's package manager. The machine must have network, unless `sources` names a folder
/// in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// Which program to use.
    pub manager: PackageManager,
    /// Names to install.
    pub packages: Vec<String>,
    /// A list of archives, in the package manager's own form, to ask instead of the guest's: an absolute path.
    pub sources: Option<String>,
    /// The archives' state to install from, such as `20260705T000000Z`; only what such archives offer is installed.
    pub snapshot: Option<String>,
    /// The time, in seconds since 1970, that installation scripts are told in `SOURCE_DATE_EPOCH`.
    pub epoch: Option<u64>,
    /// How much of it to do.
    pub stage: Stage,
}

/// How much of a provision to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Renew the lists, install, and remove the lists and what was downloaded.
    Whole,
    /// Install by the lists there are, and leave everything where it is.
    Install,
    /// Download only, by the lists there are.
    Download,
}

/// A recipe: steps to run in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable name, used for log files and events: `configure`, `training`.
    pub name: String,
    /// What to do.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Run a program and demand exit status 0.
    Run {
        /// The program.
        command: CommandLine,
        /// Milliseconds it may take.
        timeout_ms: u64,
        /// How to read progress, and what must be seen, in its output.
        watch: Watch,
    },
    /// Write a small file.
    Write {
        /// Absolute path; parents are made.
        path: String,
        /// Its whole contents.
        contents: String,
        /// Permission bits.
        mode: u32,
    },
    /// Demand that at least this many files with the suffix exist under a folder.
    RequireFiles {
        /// Absolute folder.
        under: String,
        /// Name suffix, such as `.gcda`.
        suffix: String,
        /// Smallest acceptable number.
        at_least: u32,
        /// What it would mean if they were missing: a lowercase fragment for the error.
        otherwise: String,
    },
}

/// How the agent reads a program's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// Only the last line matters.
    LastLine,
    /// A compiler run: each line that compiles one object (` -c ` with a `.c` source) counts one.
    Compile {
        /// Objects expected, where the host knows.
        total: Option<u64>,
    },
    /// CPython's regression tests: `0:00:05 load avg: … [ 7/44] test_name` lines give done and total, and
    /// the run must end with a result of success. Lines that begin with `second: ` are another run's, beside it.
    RegressionTests,
}

/// A step that ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDone {
    /// Index into the request's steps.
    pub step: u32,
    /// Milliseconds it took.
    pub millis: u64,
    /// Units done, of the step's [`Watch`].
    pub units: u64,
}

/// Pack a folder as a normalised, compressed tar archive in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Absolute folder whose contents become the archive's entries.
    pub root: String,
    /// Absolute path of the archive to make.
    pub to: String,
    /// Modification time for every entry, seconds since the Unix epoch.
    pub mtime: u64,
}

/// A packed archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// Entries in it.
    pub entries: u64,
    /// Bytes of the files before compression.
    pub unpacked_bytes: u64,
    /// The archive's own length and SHA-256.
    pub digest: super::Digest,
}
