//! Evidence saved from a machine whose work failed.

use std::path::Path;
use std::time::Duration;
use vmbuild_core::context::Context;
use vmbuild_machine::Machine;

/// How long to try to save what explains a failure.
const PATIENCE: Duration = Duration::from_secs(10);
/// The console, among the logs.
const CONSOLE: &str = "serial.log";

/// Where the evidence of a failure goes, and which files belong to it besides the console.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Folder of logs.
    pub folder: &'a Path,
    /// Files in the guest.
    pub files: &'a [SavedFile],
}

/// A file that explains a failure, such as `config.log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Name among the logs.
    pub name: String,
    /// Absolute path in the guest.
    pub guest_path: String,
}

impl Evidence<'_> {
    /// Best effort: the machine may be gone, or have failed before it made a file.
    pub(crate) async fn save(self, context: &Context, machine: &Machine) {
        let fetching = async {
            for file in self.files {
                let target = self.folder.join(&file.name);
                // A missing file explains nothing; the next one may be there.
                let _ = machine.session().get_file(&file.guest_path, &target, &context.cancel, |_| ()).await;
            }
        };
        // A machine that does not answer keeps nobody from reading its console.
        let _ = tokio::time::timeout(PATIENCE, fetching).await;
        let _ = fs_err::copy(machine.folder().console(), self.folder.join(CONSOLE));
    }
}
