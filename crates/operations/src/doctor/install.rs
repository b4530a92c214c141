//! The command that installs a package of the distribution.

use vmbuild_machine::qemu::on_path;

/// Installs a package; `None` where there is no apt, or no way to become root without a question: nobody could
/// answer it.
pub(super) fn install(package: &str) -> Option<Vec<String>> {
    on_path("apt-get").ok()?;
    let become_root: &[&str] = if rustix::process::geteuid().is_root() {
        &[]
    } else {
        on_path("sudo").ok()?;
        &["sudo", "--non-interactive"]
    };
    let install = ["apt-get", "install", "--yes", "--no-install-recommends", package];
    Some(become_root.iter().chain(&install).map(|&word| word.to_owned()).collect())
}
