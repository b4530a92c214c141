//! What the guest is told: the seed's files and, where QEMU starts the kernel, words on its command line.
//!
//! Two ways lead to the agent. A kernel of ours to start can be told to run one program instead of the usual
//! services (`systemd.run`): no cloud-init, no network to wait for, and nothing done to the disk. Otherwise
//! cloud-init runs it from `bootcmd`, the earliest of its stages that a user can reach, and is told to do nothing
//! else. Both find everything on the seed; which of them runs depends on who starts the kernel, so there is nothing
//! to detect.

use vmbuild_machine::qemu::AGENT_PORT;

/// Where the guest mounts the seed: in memory, so that nothing of it is left on the disk.
const MOUNT: &str = "/run/vmbuild-seed";

/// The agent's name on the seed.
pub(super) const AGENT: &str = "vmbuild-agent";

/// Mounts the seed and runs its `start` script with one argument.
fn start(by: &str) -> String {
    format!("udevadm settle; mkdir -p {MOUNT} && mount -o ro LABEL=CIDATA {MOUNT} && exec sh {MOUNT}/start {by}")
}

/// `meta-data`. The instance's name is part of nothing; it must be there.
pub(super) fn meta_data() -> String {
    "instance-id: vmbuild\n".to_owned()
}

/// `user-data`. The module lists replace the image's own: no user is made, no key, no host name.
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

/// The script on the seed. Its end is the machine's: the agent ends when the host asks for that.
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

/// Words for the kernel, after the console's. `root` is the partition's identifier.
///
/// Source: systemd's `systemd-run-generator(8)`, `kernel-command-line(7)`.
pub(super) fn kernel_words(root: &str) -> String {
    format!(
        "root=PARTUUID={root} rw net.ifnames=0 systemd.run=\"/bin/sh -c '{}'\" \
         systemd.run_success_action=poweroff-force systemd.run_failure_action=poweroff-force",
        start("kernel")
    )
}

#[cfg(test)]
mod tests {
    use super::{kernel_words, start_script, user_data};

    #[test]
    fn the_guest_is_told_this() {
        insta::assert_snapshot!([user_data(), start_script(), kernel_words("0fc6-3dae")].join("\n"));
    }
}
