//! Inputs of an artifact, as the command line gives them.

use crate::cli::BuildInputArgs;
use vmbuild_operations::BuildInputs;
use vmbuild_source::SignaturePolicy;

pub(super) fn inputs(args: BuildInputArgs) -> BuildInputs {
    let (extent, machine) = (args.extent(), args.machine.request());
    BuildInputs {
        version: args.version,
        flavours: args.flavour,
        machine,
        profile: args.compiled.profile,
        extent,
        source: args.source,
        source_sha256: args.source_sha256,
        signature: if args.require_signature { SignaturePolicy::Required } else { SignaturePolicy::IfAvailable },
        profile_data: args.profile_data,
    }
}
