//! The data files that are part of the program, by name. `build.rs` lists them.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The file of this name.
pub(crate) fn lookup<T: ?Sized>(table: &[(&str, &'static T)], name: &str) -> Option<&'static T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, file)| *file)
}
