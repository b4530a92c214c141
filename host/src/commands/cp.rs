//! `vmbuild cp`

use super::context::CommandContext;
use super::program::CommandExit;
use crate::cli::{CopyPlace, CpArgs};
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_guest::CopyDepth;
use vmbuild_machine::MachineName;
use vmbuild_operations::{CopyDirection, CopyRequest};

/// Not exactly one side of a copy is in a machine.
#[derive(Debug, thiserror::Error)]
enum CopySidesError {
    #[error("neither path is in a machine")]
    BothHere,
    #[error("both paths are in machines: {0} and {1}")]
    BothThere(MachineName, MachineName),
}

impl Diagnose for CopySidesError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::BothHere => "NAME:PATH is a path in the machine NAME".to_owned(),
            Self::BothThere(..) => "copy to this host first".to_owned(),
        }]
    }
}

/// Copies one file, or a tree.
pub(crate) async fn cp(context: &CommandContext, args: CpArgs) -> Result<CommandExit, Failure> {
    vmbuild_operations::cp(context, request(args)?).await?;
    Ok(Exit::Success.into())
}

fn request(args: CpArgs) -> Result<CopyRequest, CopySidesError> {
    let depth = if args.recursive { CopyDepth::Tree } else { CopyDepth::File };
    match (args.from, args.to) {
        (CopyPlace::Here(from), CopyPlace::There { machine: name, path: to }) => {
            Ok(CopyRequest { name, direction: CopyDirection::Send { from, to }, depth })
        }
        (CopyPlace::There { machine: name, path: from }, CopyPlace::Here(to)) => {
            Ok(CopyRequest { name, direction: CopyDirection::Receive { from, to }, depth })
        }
        (CopyPlace::Here(_), CopyPlace::Here(_)) => Err(CopySidesError::BothHere),
        (CopyPlace::There { machine: one, .. }, CopyPlace::There { machine: other, .. }) => {
            Err(CopySidesError::BothThere(one, other))
        }
    }
}
