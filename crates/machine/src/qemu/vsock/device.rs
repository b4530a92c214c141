//! vsock without the kernel's module: one `vhost-device-vsock`, of the rust-vmm project, for each QEMU.
//!
//! It accepts QEMU on one socket and connections on another, and starts over when QEMU exits: so stopping a machine has to
//! end it, too. The device of a named machine is found by the machine's record.

use super::VsockRecord;
use crate::log_tail;
use crate::process::ProvenProcess;
use crate::process_handle::ProcessHandle;
use crate::qemu::{binary, files};
use crate::{Lifetime, MachineFolder, ProcessIdentity};
use std::io;
use std::time::Duration;
use vmbuild_supervise::{Child, Command, Deadline};

const PROGRAM: &str = "vhost-device-vsock";
/// Every device has its own CIDs, so every machine can have the first one.
const CID: u32 = 3;
/// Time it has to listen. It takes about 5 ms.
const LISTENS: Duration = Duration::from_secs(5);

/// Starts it for a machine, and waits until QEMU can connect to it. The error is a message.
pub(super) async fn start(folder: &MachineFolder, lifetime: Lifetime) -> Result<(Child, ProcessIdentity), String> {
    let program = binary::on_path(PROGRAM).map_err(|error| error.to_string())?;
    let mut child = spawn(&program, folder, lifetime).map_err(|error| format!("{PROGRAM}: {error}"))?;
    let deadline = Deadline::after(LISTENS);
    // Made in this order; by the second it serves both.
    while !(folder.file(files::VSOCK).exists() && folder.file(files::VSOCK_DEVICE).exists()) {
        if deadline.passed() || !matches!(child.try_wait(), Ok(None)) {
            child.shutdown().await;
            let output = log_tail::text(&folder.file(files::VSOCK_LOG));
            return Err(format!("{PROGRAM} did not listen: {output}"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let identity = child.id().ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(ProcessIdentity::of);
    Ok((child, identity.map_err(|error| format!("{PROGRAM}: {error}"))?))
}

fn spawn(program: &std::path::Path, folder: &MachineFolder, lifetime: Lifetime) -> io::Result<Child> {
    let log = fs_err::File::create(folder.file(files::VSOCK_LOG))?;
    let (stdout, stderr) = (log.file().try_clone()?, log.into_file());
    // Sockets relative to the folder, as QEMU's own: a path in this option could not have a comma in it either.
    let vm = format!("guest-cid={CID},socket={},uds-path={}", files::VSOCK_DEVICE, files::VSOCK);
    let command = Command::new(program).args(["--vm", &vm]).current_dir(folder.path()).lifetime(match lifetime {
        Lifetime::Job => vmbuild_supervise::ChildLifetime::BoundToParent,
        Lifetime::Named => vmbuild_supervise::ChildLifetime::Detached,
    });
    command.stdout(stdout).stderr(stderr).spawn().map_err(io::Error::other)
}

/// The reason why the device no longer works, if one of its threads panicked; its process and socket outlive that.
pub(super) fn crash_report(folder: &MachineFolder) -> Option<String> {
    let output = log_tail::text(&folder.file(files::VSOCK_LOG));
    let panic = output.lines().skip_while(|line| !line.contains("panicked at")).nth(1)?;
    Some(format!("{PROGRAM} crashed ({panic}); `vmbuild reload {}` restarts it", folder.name()))
}

/// Ends the device in a machine's record, if it still runs and is proved to be the recorded one.
pub(in crate::qemu) async fn end_recorded(vsock: Option<&VsockRecord>) -> io::Result<()> {
    if let Some(VsockRecord::VhostUser { device }) = vsock
        && let Some(process) = ProvenProcess::find(*device)?
    {
        ProcessHandle::Proven(process).force().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::crash_report;
    use crate::MachineFolder;
    use crate::qemu::files;

    #[test]
    fn a_panic_in_its_log_is_reported() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, _lock) = MachineFolder::create(temp.path(), "job".parse().expect("a name")).expect("a machine");
        assert_eq!(crash_report(&folder), None, "it has said nothing");
        let panic =
            "thread 'vring_worker' (7) panicked at src/vsock_conn.rs:238:64:\ncalled `unwrap` on an `Err`\nnote: …\n";
        fs_err::write(folder.file(files::VSOCK_LOG), panic).expect("a log");
        let told = crash_report(&folder).expect("it is broken");
        assert!(told.contains("(called `unwrap` on an `Err`); `vmbuild reload job`"), "{told}");
    }
}
