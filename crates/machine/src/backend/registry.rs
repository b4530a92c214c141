//! The backends that exist. A new one is registered here, and nowhere else.

use super::driver::Backend;
use crate::qemu::{QemuBackend, QemuRecord};
use crate::sandbox::{SandboxBackend, SandboxRecord};
use crate::vagrant::{VagrantBackend, VagrantMachineRecord};
use crate::vz::{VzBackend, VzRecord};
use crate::{BackendKind, MachineFolder};
use serde::{Deserialize, Serialize};

/// Every backend, in the order in which people see them.
pub static BACKENDS: &[&dyn Backend] = &[&QemuBackend, &SandboxBackend, &VagrantBackend, &VzBackend];

/// A backend's part of the machine record, tagged by the backend's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backend", rename_all = "kebab-case")]
pub enum BackendRecord {
    /// QEMU.
    Qemu(QemuRecord),
    /// Linux namespaces.
    Sandbox(SandboxRecord),
    /// Vagrant.
    Vagrant(VagrantMachineRecord),
    /// Virtualization.framework.
    Vz(VzRecord),
}

impl BackendKind {
    /// The backend of this name.
    #[expect(clippy::missing_panics_doc, reason = "a test holds that every kind is registered")]
    pub fn backend(self) -> &'static dyn Backend {
        let registered = BACKENDS.iter().copied().find(|backend| backend.kind() == self);
        registered.expect("every kind is registered, which a test holds")
    }
}

/// The backend of the machine in `folder`: the one that recognises it, or else the one in its record.
pub(crate) fn backend_of_folder(folder: &MachineFolder) -> Option<&'static dyn Backend> {
    let claimed = BACKENDS.iter().copied().find(|backend| backend.claims(folder));
    claimed.or_else(|| Some(folder.read_record().ok()??.spec.backend().backend()))
}

#[cfg(test)]
mod tests {
    use super::BACKENDS;
    use crate::BackendKind;

    /// Follows an exhaustive match, so that a new kind does not compile before it is listed here.
    fn next(kind: BackendKind) -> Option<BackendKind> {
        match kind {
            BackendKind::Qemu => Some(BackendKind::Sandbox),
            BackendKind::Sandbox => Some(BackendKind::Vagrant),
            BackendKind::Vagrant => Some(BackendKind::Vz),
            BackendKind::Vz => None,
        }
    }

    #[test]
    fn every_kind_is_registered_once_and_named_as_it_is_serialized() {
        let kinds: Vec<_> = std::iter::successors(Some(BackendKind::Qemu), |&kind| next(kind)).collect();
        assert_eq!(BACKENDS.iter().map(|backend| backend.kind()).collect::<Vec<_>>(), kinds);
        for kind in kinds {
            assert_eq!(kind.backend().kind(), kind);
            assert_eq!(serde_json::to_string(&kind).expect("a name"), format!("\"{kind}\""));
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(!kind.backend().about().is_empty());
        }
    }
}
