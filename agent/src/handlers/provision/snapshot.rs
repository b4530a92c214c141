//! The archives as they were at some time, where they keep that.
//!
//! apt asks archives for a past state that are marked for it. Ubuntu 24.04 finds out by itself which can; Ubuntu 22.04
//! (apt 2.4.11) must have each entry marked. Source: Ubuntu's description of its snapshot service.

use crate::failure::failure;
use vmbuild_protocol::{FailureKind, RequestFailure};

/// The guest's own list.
const OWN: &str = "/etc/apt/sources.list";

/// The same with every entry marked: in memory, so that it is gone with the machine.
pub(super) const LIST: &str = "/run/vmbuild-sources.list";

/// Writes [`LIST`].
pub(super) fn mark_sources() -> Result<(), RequestFailure> {
    let own = match fs_err::read_to_string(OWN) {
        Ok(text) => text,
        // Lists in the newer form lie elsewhere, and apt that reads that form needs no marks.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failure(FailureKind::Io, error.to_string())),
    };
    fs_err::write(LIST, marked(&own)).map_err(|error| failure(FailureKind::Io, error.to_string()))
}

fn marked(list: &str) -> String {
    list.lines().flat_map(|line| [mark(line).unwrap_or_else(|| line.to_owned()), "\n".to_owned()]).collect()
}

/// Source: sources.list(5), the form of one line.
fn mark(line: &str) -> Option<String> {
    let (kind, rest) = line.trim_start().split_once(char::is_whitespace)?;
    if kind != "deb" && kind != "deb-src" {
        return None;
    }
    let rest = rest.trim_start();
    Some(match rest.strip_prefix('[') {
        Some(options) if options.contains("snapshot=") => line.to_owned(),
        Some(options) => format!("{kind} [snapshot=yes {}", options.trim_start()),
        None => format!("{kind} [snapshot=yes] {rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::marked;

    fn check(line: &str, expect: &str) {
        assert_eq!(marked(line), format!("{expect}\n"));
    }

    #[test]
    fn entries_are_marked_and_the_rest_stays() {
        check("deb http://mirror.example/ jammy main", "deb [snapshot=yes] http://mirror.example/ jammy main");
        check("deb-src\thttp://a/ b c", "deb-src [snapshot=yes] http://a/ b c");
        check("deb [ arch=amd64 ] http://a/ b c", "deb [snapshot=yes arch=amd64 ] http://a/ b c");
        check("deb [snapshot=no] http://a/ b c", "deb [snapshot=no] http://a/ b c");
        check("# deb http://a/ b c", "# deb http://a/ b c");
        assert_eq!(marked(""), "");
    }
}
