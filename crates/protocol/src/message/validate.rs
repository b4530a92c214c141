//! The checks on an artifact, and their verdicts.

use serde::{Deserialize, Serialize};

/// Check an artifact that lies in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validate {
    /// Absolute folder holding the artifact and its `.sha256`.
    pub folder: String,
    /// The artifact's file name, which contains the version to expect.
    pub artifact: String,
    /// The interpreter that the file name promises.
    pub interpreter: Interpreter,
    /// Smallest acceptable size in bytes.
    pub min_bytes: u64,
    /// Largest acceptable size in bytes.
    pub max_bytes: u64,
    /// Set if lenient checks fail; otherwise they warn.
    pub strict: bool,
    /// Modules that must import.
    pub modules: Vec<String>,
    /// Milliseconds each program of a check may take.
    pub timeout_ms: u64,
}

/// The interpreter an artifact's file name promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Full version, such as `3.13.5` or `3.15.0rc1`.
    pub version: String,
    /// The folder that holds it in the archive, such as `opt/python-3.13.5`.
    pub prefix: String,
    /// Name of its binary, such as `python3.13`.
    pub binary: String,
    /// Name of its pip, such as `pip3.13`.
    pub pip: String,
}

/// One check with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its place among all checks, from 1.
    pub number: u8,
    /// Short name, such as `native modules`.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Evidence for the verdict: a fragment for people.
    pub evidence: String,
}

/// Verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The check passed.
    Pass,
    /// The check did not pass, but that is tolerated.
    Warn,
    /// The check failed.
    Fail,
}
