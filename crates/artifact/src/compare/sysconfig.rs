//! CPython's own record of how it was configured: `_sysconfigdata_*.py`.
//!
//! It is one Python dictionary, printed an entry a line, with long texts continued on lines that are indented further.

use std::collections::BTreeMap;
use std::path::Path;

/// True if a path is that of such a file.
pub(super) fn is_sysconfig(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("_sysconfigdata_") && Path::new(name).extension().is_some_and(|end| end == "py")
}

/// Its variables, each with its value as it stands there.
pub(super) fn variables(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut indent = None;
    for line in text.lines() {
        let line =
            line.strip_prefix("build_time_vars = {").map_or_else(|| line.to_owned(), |first| format!(" {first}"));
        let depth = line.len() - line.trim_start().len();
        let line = line.trim().trim_end_matches([',', '}']);
        let entry = line.strip_prefix('\'').and_then(|rest| rest.split_once("': ").or(rest.split_once("':")));
        match entry {
            Some((name, value)) if indent.is_none_or(|indent| depth <= indent) => {
                indent = Some(depth);
                found.insert(name.to_owned(), value.trim().to_owned());
                current = Some(name.to_owned());
            }
            _ => {
                if let Some(value) = current.as_ref().and_then(|name| found.get_mut(name)).filter(|_| !line.is_empty())
                {
                    value.push(' ');
                    value.push_str(line);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{is_sysconfig, variables};

    fn check(text: &str, expect: &[(&str, &str)]) {
        let found = variables(text);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn both_layouts_are_read() {
        let old = "# generated\nbuild_time_vars = {'CC': 'gcc',\n 'LDFLAGS': '-a '\n            '-b: x',\n 'N': 1}\n";
        check(old, &[("CC", "'gcc'"), ("LDFLAGS", "'-a ' '-b: x'"), ("N", "1")]);
        let new = "build_time_vars = {\n    'CC': 'gcc',\n    'LONG':\n        'a'\n        'b',\n    'N': 1,\n}\n";
        check(new, &[("CC", "'gcc'"), ("LONG", " 'a' 'b'"), ("N", "1")]);
        check("", &[]);
    }

    #[test]
    fn it_is_known_by_its_name() {
        assert!(is_sysconfig("lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py"));
        assert!(!is_sysconfig("lib/python3.13/__pycache__/_sysconfigdata__linux_x86_64-linux-gnu.cpython-313.pyc"));
    }
}
