//! ELF files: what they link, and what a linker that optimised left in them.

use goblin::elf::Elf;
use std::collections::BTreeMap;
use std::path::Path;

/// Marks of symbols that a linker made local while it optimised: GCC's, LLVM's.
const LTO_MARKS: [&str; 2] = [".lto_priv", ".llvm."];

/// The libraries that one file needs, by the names it has for them; nothing if it is no ELF file.
pub(super) fn needed(file: &Path) -> std::io::Result<Option<Vec<String>>> {
    let bytes = fs_err::read(file)?;
    let elf = Elf::parse(&bytes).ok();
    Ok(elf.map(|elf| elf.libraries.iter().map(|&name| name.to_owned()).collect()))
}

/// How many symbols show that a linker optimised.
pub(super) fn lto_symbols(file: &Path) -> std::io::Result<u64> {
    let bytes = fs_err::read(file)?;
    let Ok(elf) = Elf::parse(&bytes) else { return Ok(0) };
    let names = elf.syms.iter().filter_map(|symbol| elf.strtab.get_at(symbol.st_name));
    Ok(names.filter(|name| LTO_MARKS.iter().any(|mark| name.contains(mark))).count() as u64)
}

/// Libraries that files of a tree need, each with the files that need it. A library of the tree itself is left
/// out: `own` are the names of its files.
pub(super) fn by_library(needed: &BTreeMap<String, Vec<String>>, own: &[String]) -> BTreeMap<String, Vec<String>> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let own: Vec<String> = own.iter().map(|path| base(path)).collect();
    let mut libraries: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, names) in needed {
        for name in names.iter().filter(|name| !own.contains(name)) {
            libraries.entry(name.clone()).or_default().push(file.clone());
        }
    }
    libraries
}

#[cfg(test)]
mod tests {
    use super::{by_library, lto_symbols, needed};
    use std::collections::BTreeMap;

    #[test]
    fn a_real_file_is_read() {
        let own = std::env::current_exe().expect("a running test");
        let libraries = needed(&own).expect("reading").expect("an ELF file");
        assert!(libraries.iter().any(|name| name.starts_with("libc.so")), "{libraries:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("pip");
        fs_err::write(&script, "#!/bin/sh\n").expect("writing");
        assert_eq!((needed(&script).expect("reading"), lto_symbols(&script).expect("reading")), (None, 0));
    }

    #[test]
    fn what_the_tree_has_is_no_system_library() {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let needed = BTreeMap::from([
            ("bin/python".to_owned(), strings(&["libpython3.so.1.0", "libc.so.6"])),
            ("lib/_ssl.so".to_owned(), strings(&["libssl.so.3", "libc.so.6"])),
        ]);
        let own = strings(&["bin/python", "lib/_ssl.so", "lib/libpython3.so.1.0"]);
        let expect = BTreeMap::from([
            ("libc.so.6".to_owned(), strings(&["bin/python", "lib/_ssl.so"])),
            ("libssl.so.3".to_owned(), strings(&["lib/_ssl.so"])),
        ]);
        assert_eq!(by_library(&needed, &own), expect);
    }
}
