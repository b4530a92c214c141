//! The data files that are part of the program, by name. `host/build.rs` lists them.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The one of this name.
pub(super) fn lookup<T: ?Sized>(table: &[(&str, &'static T)], name: &str) -> Option<&'static T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, file)| *file)
}
