//! Provisioning, recipes and packing. A recipe arrives as data: only the host knows how to build CPython.

use super::{CommandLine, PackageManager};
use serde::{Deserialize, Serialize};

/// Install packages with the guest's package manager. The machine must have network, unless `sources` names a folder
/// in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// The program to use.
    pub manager: PackageManager,
    /// Names to install.
    pub packages: Vec<String>,
    /// A list of archives, in the package manager's own format, used instead of the guest's: an absolute path.
    pub sources: Option<String>,
    /// The state of the archives to install from, such as `20260705T000000Z`; only archives that offer it are used.
    pub snapshot: Option<String>,
    /// The time, in seconds since 1970, for installation scripts, in `SOURCE_DATE_EPOCH`.
    pub epoch: Option<u64>,
    /// How much of it to do.
    pub stage: Stage,
}

/// How much of a provision to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Update the package lists, install, and remove the lists and the downloads.
    Whole,
    /// Install by the existing lists, and keep them and the downloads.
    Install,
    /// Download only, by the existing lists.
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
    /// The action.
    pub action: Action,
}

/// Actions of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Run a program and demand exit status 0.
    Run {
        /// The program.
        command: CommandLine,
        /// Milliseconds it may take.
        timeout_ms: u64,
        /// How to read its output.
        watch: Watch,
    },
    /// Write a small file.
    Write {
        /// Absolute path; parents are created.
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
        /// Explanation if they are missing: a lowercase fragment for the error.
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
    /// the run must end with a result of success. Lines that begin with `second: ` belong to a second, concurrent run.
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
    /// Absolute path of the new archive.
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
