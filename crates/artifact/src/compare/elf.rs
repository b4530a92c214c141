//! Libraries and symbols of an ELF file: the part that its users notice.

use goblin::elf::Elf;
use std::collections::BTreeSet;

/// Libraries and symbols of a dynamically linked file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ElfLinkage {
    /// Names of the libraries it needs.
    pub(super) libraries: BTreeSet<String>,
    /// Names of the symbols that it defines for others.
    pub(super) symbols: BTreeSet<String>,
}

/// Reads it off a file; nothing if it is none, or a broken one.
pub(super) fn linkage(bytes: &[u8]) -> Option<ElfLinkage> {
    let elf = Elf::parse(bytes).ok()?;
    let libraries = elf.libraries.iter().map(|name| (*name).to_owned()).collect();
    let offered = elf.dynsyms.iter().filter(|symbol| !symbol.is_import() && !symbol.is_local_to_file());
    let symbols = offered.filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name)).map(str::to_owned).collect();
    Some(ElfLinkage { libraries, symbols })
}

trait SymbolScope {
    fn is_local_to_file(&self) -> bool;
}

impl SymbolScope for goblin::elf::Sym {
    fn is_local_to_file(&self) -> bool {
        self.st_bind() == goblin::elf::sym::STB_LOCAL
    }
}

#[cfg(test)]
mod tests {
    use super::linkage;

    #[test]
    fn a_real_file_is_read() {
        let own = fs_err::read(std::env::current_exe().expect("a running test")).expect("reading");
        let linkage = linkage(&own).expect("an ELF file");
        assert!(linkage.libraries.iter().any(|name| name.starts_with("libc.so")), "{:?}", linkage.libraries);
        assert_eq!(super::linkage(b"#!/bin/sh"), None);
        assert_eq!(super::linkage(b"\x7fELF and then nothing"), None);
    }
}
