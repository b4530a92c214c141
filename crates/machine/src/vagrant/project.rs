//! A machine's own copy of the Vagrantfile and what it provisions.

use super::VagrantError;
use crate::MachineFolder;
use std::path::PathBuf;
use vmbuild_core::store::write_atomically;

/// The folder in the machine's folder.
const FOLDER: &str = "vagrant";
/// There while the machine is supposed to run.
const UP: &str = "vagrant/up";

const VAGRANTFILE: &str = include_str!("../../../../Vagrantfile");
const PROVISION: &str = include_str!("../../../../provision/vagrant/provision.sh");

/// Where its Vagrantfile lies.
pub(super) fn project(folder: &MachineFolder) -> PathBuf {
    folder.file(FOLDER)
}

/// Where Vagrant keeps what it knows of the machine.
pub(super) fn dotfile(folder: &MachineFolder) -> PathBuf {
    project(folder).join(".vagrant")
}

/// Whether the machine is one of Vagrant's.
pub(super) fn is_vagrant(folder: &MachineFolder) -> bool {
    folder.file(FOLDER).is_dir()
}

/// Whether vmbuild has started it and not stopped it since.
pub(super) fn supposed_to_run(folder: &MachineFolder) -> bool {
    folder.file(UP).exists()
}

/// Whether Vagrant has begun to make a machine of it.
pub(super) fn is_begun(folder: &MachineFolder) -> bool {
    dotfile(folder).join("machines").is_dir()
}

/// The system whose list of packages was written: a machine that was never finished has no record to ask.
pub(super) fn image(folder: &MachineFolder) -> Option<String> {
    let mut lists = fs_err::read_dir(project(folder).join("provision/packages")).ok()?;
    let list = lists.next()?.ok()?.path();
    Some(list.file_stem()?.to_string_lossy().into_owned())
}

/// Notes that it runs, or that it does not.
pub(super) fn note(folder: &MachineFolder, runs: bool) -> std::io::Result<()> {
    if runs {
        return fs_err::write(folder.file(UP), "");
    }
    match fs_err::remove_file(folder.file(UP)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the files: the Vagrantfile, its script, and the list of packages it is asked for.
pub(super) fn write(folder: &MachineFolder, image: &str, packages: &str) -> Result<(), VagrantError> {
    let list = format!("provision/packages/{image}.toml");
    let files = [("Vagrantfile", VAGRANTFILE), ("provision/vagrant/provision.sh", PROVISION), (&list, packages)];
    for (name, contents) in files {
        let path = project(folder).join(name);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        write_atomically(&path, contents.as_bytes())?;
    }
    Ok(())
}
