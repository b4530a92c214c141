//! The guest's configuration: the seed's files and, where QEMU starts the kernel, its command line.
//!
//! There are two ways to start the agent. A kernel that QEMU starts can be told to run one program instead of the usual
//! services (`systemd.run`): no cloud-init, no network to wait for, and nothing done to the disk. Otherwise
//! cloud-init runs it from `bootcmd`, the earliest of its stages that a user can reach, and does nothing else. Both find everything on the seed; which of them runs depends on who starts the kernel, so there is nothing
//! to detect.

use vmbuild_machine::qemu::AGENT_PORT;

/// The seed's mount point in the guest: in memory, so that it leaves nothing on the disk.
const MOUNT: &str = "/run/vmbuild-seed";

/// The agent's name on the seed.
pub(super) const AGENT: &str = "vmbuild-agent";

/// Mounts the seed and runs its `start` script with one argument.
fn start(by: &str) -> String {
    format!("udevadm settle; mkdir -p {MOUNT} && mount -o ro LABEL=CIDATA {MOUNT} && exec sh {MOUNT}/start {by}")
}

/// `meta-data`. The instance's name is required and not used.
pub(super) fn meta_data() -> String {
    "instance-id: vmbuild\n".to_owned()
}

/// `user-data`. The module lists replace the image's own: no user, no key and no host name is created.
pub(super) fn user_data() -> String {
    format!(
        "#cloud-config\n\
         cloud_init_modules: [bootcmd, growpart, resizefs]\n\
         cloud_config_modules: []\n\
         cloud_final_modules: []\n\
         users: []\n\
         bootcmd:\n\
         - [sh, -c, \"{}\"]\n",
        start("cloud-init")
    )
}

/// The script on the seed. The machine ends with it: the agent ends when the host asks for that.
pub(super) fn start_script() -> String {
    let agent = format!("{MOUNT}/{AGENT} serve-port --port {AGENT_PORT}");
    format!(
        "case $1 in\n\
         kernel) exec {agent} --network slirp ;;\n\
         cloud-init) exec systemd-run --unit=vmbuild-agent --no-block --property=DefaultDependencies=no \\\n    \
         --property=SuccessAction=poweroff-force --property=FailureAction=poweroff-force {agent} --network none ;;\n\
         esac\n"
    )
}

/// Kernel arguments, after the console's. `root` is the partition's identifier.
///
/// Source: systemd's `systemd-run-generator(8)`, `kernel-command-line(7)`.
pub(super) fn kernel_arguments(root: &str) -> String {
    format!(
        "root=PARTUUID={root} rw net.ifnames=0 systemd.run=\"/bin/sh -c '{}'\" \
         systemd.run_success_action=poweroff-force systemd.run_failure_action=poweroff-force",
        start("kernel")
    )
}

#[cfg(test)]
mod tests {
    use super::{kernel_arguments, start_script, user_data};

    #[test]
    fn the_guests_configuration() {
        insta::assert_snapshot!([user_data(), start_script(), kernel_arguments("0fc6-3dae")].join("\n"));
    }
}
