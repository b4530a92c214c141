//! The program people run.

fn main() {
    vmbuild::machine::sandbox::internal_entry();
}
