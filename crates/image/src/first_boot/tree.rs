//! Transfer of the root file system out of the guest: as an archive, over the session, unpacked on the host.
//!
//! The system keeps running while it is read, so its root file system is frozen first: the archive is one moment's
//! state, and writers wait until the machine is gone. It is read through a second mount, where nothing is mounted on
//! top: `/dev` and `/sys` are the folders on the disk there. `/boot` may be a file system of its own; the golden
//! machine's kernel comes from there, so it is mounted again too.

use super::FirstBootError;
use super::guest::{exec, run};
use crate::host_tool::HostTool;
use crate::{ImageError, host_tool};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, PhaseGuard, ProgressPace, Unit};
use vmbuild_core::format::size;
use vmbuild_machine::Machine;
use vmbuild_protocol::{Exited, OutputStream};
use vmbuild_supervise::Tail;

/// A cloud image holds one to two GiB; an emulated guest sends ten MiB a second.
const LIMIT: Duration = Duration::from_mins(30);

/// The archive, next to the tree.
const ARCHIVE: &str = "clean.tar";

/// The second mount point of the guest's root file system: in memory, so not on itself.
const SECOND: &str = "/run/vmbuild-root";

/// Excluded are swap, folders that are empty at the start of every machine, and device nodes, which an ordinary user's
/// namespaces cannot create and every machine gets from its kernel.
const EXCLUDED: [&str; 7] =
    ["./lost+found", "./swapfile", "./swap.img", "./tmp/*", "./var/tmp/*", "./run/*", "./dev/*"];

/// Options about attributes, for both ends. Others are this boot's (`security.selinux`), or cannot be written by
/// an ordinary user's namespaces (`trusted.*`).
const ATTRIBUTES: [&str; 4] =
    ["--numeric-owner", "--xattrs", "--xattrs-include=security.capability", "--xattrs-include=user.*"];

/// Creates `folder/clean` from the machine's root file system.
pub(super) async fn fetch(
    machine: &Machine,
    folder: &Path,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let running = events.phase(Part::Golden, "extract", "the root file system");
    mount(machine, cancel).await?;
    let (frozen, said) = run(machine, &["fsfreeze", "--freeze", "/"], cancel).await?;
    if !frozen {
        events.note(
            Part::Golden,
            format!("the root file system could not be frozen and may change while it is read: {}", said.trim()),
        );
    }
    let received = receive(machine, &folder.join(ARCHIVE), &running, cancel).await;
    // So that the machine can shut down. If that fails, it is killed.
    let _ = run(machine, &["fsfreeze", "--unfreeze", "/"], cancel).await;
    let bytes = received?;
    unpack(folder, cancel).await?;
    fs_err::remove_file(folder.join(ARCHIVE))?;
    running.finish(size(bytes));
    Ok(())
}

/// Mounts the root file system, and `/boot` if that is another, a second time.
async fn mount(machine: &Machine, cancel: &CancellationToken) -> Result<(), ImageError> {
    let boot = format!("{SECOND}/boot");
    let (separate_boot, _) = run(machine, &["mountpoint", "-q", "/boot"], cancel).await?;
    let mut steps = vec![vec!["mkdir", "-p", SECOND], vec!["mount", "--bind", "/", SECOND]];
    if separate_boot {
        steps.push(vec!["mount", "--bind", "/boot", &boot]);
    }
    for step in steps {
        let (done, complaints) = run(machine, &step, cancel).await?;
        if !done {
            return Err(FirstBootError::NotSent { complaints }.into());
        }
    }
    Ok(())
}

async fn receive(
    machine: &Machine,
    archive: &Path,
    running: &PhaseGuard,
    cancel: &CancellationToken,
) -> Result<u64, ImageError> {
    let arguments = tar_arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut file = fs_err::File::create(archive)?;
    let (mut bytes, mut complaints, mut pace, mut written) = (0, Tail::default(), ProgressPace::default(), Ok(()));
    let sending = machine.session().exec(exec(&arguments, LIMIT), cancel, |stream, piece| match stream {
        OutputStream::Stderr => complaints.push(piece),
        OutputStream::Stdout => {
            bytes += piece.len() as u64;
            if written.is_ok() {
                written = file.write_all(piece);
            }
            if pace.is_time() {
                running.advance(bytes, None, Unit::Bytes, "");
            }
        }
    });
    let ended = machine.ask(sending).await?;
    written?;
    if ended != Exited::Code(0) {
        return Err(FirstBootError::NotSent { complaints: complaints.text() }.into());
    }
    Ok(bytes)
}

fn tar_arguments() -> Vec<String> {
    let head = ["tar", "--create", "--file=-", "--directory", SECOND, "--sort=name"];
    let arguments = head.into_iter().chain(ATTRIBUTES).chain(["--warning=no-file-ignored"]).map(str::to_owned);
    let arguments = arguments.chain(EXCLUDED.iter().map(|path| format!("--exclude={path}")));
    arguments.chain([".".to_owned()]).collect()
}

async fn unpack(folder: &Path, cancel: &CancellationToken) -> Result<(), ImageError> {
    fs_err::create_dir(folder.join("clean"))?;
    let archive = host_tool::path_text(&folder.join(ARCHIVE))?;
    let tar = HostTool::new("tar", "tar", &folder.join("clean"))?.args([
        "--extract",
        "--preserve-permissions",
        "--same-owner",
    ]);
    tar.args(ATTRIBUTES).args(["--file".to_owned(), archive]).limit(LIMIT).run(cancel, |_| ()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::tar_arguments;

    #[test]
    fn asks_the_guest_for_this() {
        insta::assert_snapshot!(tar_arguments().join("\n"), @r"
        tar
        --create
        --file=-
        --directory
        /run/vmbuild-root
        --sort=name
        --numeric-owner
        --xattrs
        --xattrs-include=security.capability
        --xattrs-include=user.*
        --warning=no-file-ignored
        --exclude=./lost+found
        --exclude=./swapfile
        --exclude=./swap.img
        --exclude=./tmp/*
        --exclude=./var/tmp/*
        --exclude=./run/*
        --exclude=./dev/*
        .
        ");
    }
}
