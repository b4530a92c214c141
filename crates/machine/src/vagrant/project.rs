//! A machine's own copy of the Vagrantfile and what it provisions.

use super::VagrantError;
use crate::MachineFolder;
use std::path::PathBuf;
use vmbuild_core::store::write_atomically;

/// The folder in the machine's folder.
const FOLDER: &str = "vagrant";
/// Exists while the machine is supposed to run.
const UP: &str = "vagrant/up";

const VAGRANTFILE: &str = include_str!("../../../../Vagrantfile");
const PROVISION: &str = include_str!("../../../../provision/vagrant/provision.sh");

/// The folder of its Vagrantfile.
pub(super) fn project(folder: &MachineFolder) -> PathBuf {
    folder.file(FOLDER)
}

/// The folder of Vagrant's own state of the machine.
pub(super) fn dotfile(folder: &MachineFolder) -> PathBuf {
    project(folder).join(".vagrant")
}

/// Returns true if the machine runs under Vagrant.
pub(super) fn is_vagrant(folder: &MachineFolder) -> bool {
    folder.file(FOLDER).is_dir()
}

/// Returns true if vmbuild has started it and not stopped it since.
pub(super) fn supposed_to_run(folder: &MachineFolder) -> bool {
    folder.file(UP).exists()
}

/// Returns true if Vagrant has begun to create the machine.
pub(super) fn is_created(folder: &MachineFolder) -> bool {
    dotfile(folder).join("machines").is_dir()
}

/// The image whose package list was written: a machine that was never finished has no record.
pub(super) fn image(folder: &MachineFolder) -> Option<String> {
    let mut lists = fs_err::read_dir(project(folder).join("provision/packages")).ok()?;
    let list = lists.next()?.ok()?.path();
    Some(list.file_stem()?.to_string_lossy().into_owned())
}

/// Notes that the machine runs, or that it does not.
pub(super) fn note_running(folder: &MachineFolder, runs: bool) -> std::io::Result<()> {
    if runs {
        return fs_err::write(folder.file(UP), "");
    }
    match fs_err::remove_file(folder.file(UP)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the Vagrantfile, its provisioning script, and the package list.
pub(super) fn write_project(folder: &MachineFolder, image: &str, packages: &str) -> Result<(), VagrantError> {
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
