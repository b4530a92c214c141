//! The program people run.

use std::process::ExitCode;

fn main() -> ExitCode {
    vmbuild::machine::sandbox::internal_entry();
    vmbuild::image::internal_entry();
    vmbuild::commands::main()
}
