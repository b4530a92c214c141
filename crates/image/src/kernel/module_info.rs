//! Dependencies of a kernel module, read from the module itself: a kernel package that was never installed has no
//! `modules.dep`.

/// The modules that `ko`, an uncompressed module, depends on directly; `None` if it is not a module.
///
/// The section `.modinfo` holds `key=value` strings, each ended by a zero byte; `depends` is a comma-separated
/// list. Source: Linux, `include/linux/moduleinfo.h` and `scripts/mod/modpost.c`.
pub(crate) fn depends(ko: &[u8]) -> Option<Vec<String>> {
    let info = section(ko, b".modinfo")?;
    let value = info.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(b"depends="))?;
    let names = std::str::from_utf8(value).ok()?;
    Some(names.split(',').filter(|name| !name.is_empty()).map(normal).collect())
}

/// A module's name in one spelling: `-` and `_` mean the same to the kernel.
pub(crate) fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// The bytes of a section of a 64-bit little-endian ELF file.
/// Source: ELF-64 object file format, version 1.5, "section header table".
fn section<'a>(elf: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let header = |index: usize| number(elf, 40, 8)?.checked_add(index.checked_mul(number(elf, 58, 2)?)?);
    let names = contents(elf, header(number(elf, 62, 2)?)?)?;
    for index in 0..number(elf, 60, 2)? {
        let at = header(index)?;
        let named = names.get(number(elf, at, 4)?..)?;
        if named.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&0)) {
            return contents(elf, at);
        }
    }
    None
}

/// The bytes of the section whose header is at `header`.
fn contents(elf: &[u8], header: usize) -> Option<&[u8]> {
    let (offset, size) = (number(elf, header.checked_add(24)?, 8)?, number(elf, header.checked_add(32)?, 8)?);
    elf.get(offset..offset.checked_add(size)?)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::depends;
    use proptest::prelude::*;

    /// A module of two sections: the names, and `.modinfo` with `info`.
    pub(crate) fn module(info: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(64, 0);
        let mut section_headers = Vec::new();
        for (name, contents) in [(0u32, &b""[..]), (1, info), (10, names)] {
            let mut header = vec![0u8; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[24..32].copy_from_slice(&(elf.len() as u64).to_le_bytes());
            header[32..40].copy_from_slice(&(contents.len() as u64).to_le_bytes());
            elf.extend_from_slice(contents);
            section_headers.extend(header);
        }
        let table = elf.len() as u64;
        elf[40..48].copy_from_slice(&table.to_le_bytes());
        elf[58..60].copy_from_slice(&64u16.to_le_bytes());
        elf[60..62].copy_from_slice(&3u16.to_le_bytes());
        elf[62..64].copy_from_slice(&2u16.to_le_bytes());
        elf.extend(section_headers);
        elf
    }

    fn check(info: &[u8], expect: Option<&[&str]>) {
        let found = depends(&module(info));
        assert_eq!(
            found.as_deref(),
            expect.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref()
        );
    }

    #[test]
    fn reads_dependencies() {
        check(b"license=GPL\0depends=virtio,virtio-ring\0name=virtio_blk\0", Some(&["virtio", "virtio_ring"]));
        check(b"depends=\0", Some(&[]));
        check(b"license=GPL\0", None);
        assert_eq!(depends(b"\xfd7zXZ\0"), None, "a compressed module");
    }

    proptest! {
        #[test]
        fn never_panics(cut in 0usize..300, at in 0usize..300, byte: u8) {
            let mut elf = module(b"license=GPL\0depends=virtio\0");
            let at = at % elf.len();
            elf[at] = byte;
            elf.truncate(elf.len().saturating_sub(cut));
            let _ = depends(&elf);
        }
    }
}
