//! The program people run.

use std::process::ExitCode;

fn main() -> ExitCode {
    vmbuild_machine::sandbox::internal_entry();
    vmbuild_image::internal_entry();
    vmbuild::commands::main()
}
