//! Reading GCC's counts: which functions ran.
//!
//! A file of counts is a list of records, each with a tag, a length and a payload. Of a function there is one record that
//! names it and then one for each kind of counter. Counters that are all zero are written as a negative length without
//! payload. Lengths are in words of four bytes, since GCC 12 in bytes. Source: gcc/gcov-io.h and libgcc/libgcov-driver.c
//! of GCC 10 to 14.

use vmbuild_cpython::ProfileCoverage;

const MAGIC: &[u8; 4] = b"gcda";
const FUNCTION: u32 = 0x0100_0000;
/// How often the edges between a function's blocks were taken.
const ARCS: u32 = 0x01a1_0000;
/// The first release whose lengths are in bytes, and whose header has a checksum.
const BYTES_SINCE: u32 = 12;

/// The functions of one file; nothing if it is none of GCC's, or cut.
pub(super) fn coverage(bytes: &[u8]) -> Option<ProfileCoverage> {
    let mut records = GcdaRecords::open(bytes)?;
    let (mut found, mut function) = (ProfileCoverage::default(), None);
    while let Some(record) = records.next().ok()? {
        match record.tag {
            FUNCTION => {
                found.add(function.take());
                // One without a name is another file's.
                function = (!record.payload.is_empty()).then_some(false);
            }
            ARCS if function.is_some() => function = Some(record.payload.iter().any(|&byte| byte != 0)),
            _ => {}
        }
    }
    found.add(function);
    Some(found)
}

trait AddCounts {
    fn add(&mut self, function: Option<bool>);
}

impl AddCounts for ProfileCoverage {
    fn add(&mut self, function: Option<bool>) {
        self.functions += u64::from(function.is_some());
        self.executed += u64::from(function == Some(true));
    }
}

struct GcdaRecord<'a> {
    tag: u32,
    payload: &'a [u8],
}

/// The file ends in the middle of a record.
struct CutRecord;

struct GcdaRecords<'a> {
    rest: &'a [u8],
    number: fn([u8; 4]) -> u32,
    unit: usize,
}

impl<'a> GcdaRecords<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let mut turned = *magic;
        turned.reverse();
        // In the byte order of the machine that ran.
        let number = match (magic == MAGIC, &turned == MAGIC) {
            (true, _) => u32::from_be_bytes,
            (_, true) => u32::from_le_bytes,
            _ => return None,
        };
        let mut records = Self { rest, number, unit: 4 };
        if release(records.word()?)? >= BYTES_SINCE {
            records.unit = 1;
            records.word()?;
        }
        records.word()?;
        Some(records)
    }

    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some((self.number)(*word))
    }

    /// The next record, if there is one.
    fn next(&mut self) -> Result<Option<GcdaRecord<'a>>, CutRecord> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.word().ok_or(CutRecord)?;
        if tag == 0 {
            return Ok(None);
        }
        let length = self.word().ok_or(CutRecord)?.cast_signed();
        let length = usize::try_from(length).unwrap_or(0).checked_mul(self.unit).ok_or(CutRecord)?;
        let (payload, rest) = self.rest.split_at_checked(length).ok_or(CutRecord)?;
        self.rest = rest;
        Ok(Some(GcdaRecord { tag, payload }))
    }
}

/// The compiler's major release, of a word such as `B22*` for 12.2.
fn release(word: u32) -> Option<u32> {
    let [tens, ones, ..] = word.to_be_bytes();
    let (tens, ones) = (u32::from(tens).checked_sub(u32::from(b'A'))?, u32::from(ones).checked_sub(u32::from(b'0'))?);
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

#[cfg(test)]
mod tests {
    use super::coverage;
    use std::path::Path;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;
    use vmbuild_cpython::ProfileCoverage;
    use vmbuild_supervise::{Command, Deadline};

    const SOURCE: &str = "static int runs(int x) { int s = 0; for (int i = 0; i < x; i++) s += i; return s; }\n\
                          int never(int x) { return x ? x * 2 : 3; }\nint nor_this(void) { return 7; }\n\
                          int main(int argc, char **argv) { (void)argv; return runs(argc) > 100 ? never(argc) : 0; }\n";

    async fn output(folder: &Path, argv: &[&str]) -> bool {
        let command = Command::new(argv[0]).args(&argv[1..]).current_dir(folder);
        command.output(Deadline::after(Duration::from_mins(1)), &CancellationToken::new()).await.is_ok()
    }

    #[tokio::test]
    async fn a_real_run_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        fs_err::write(folder.path().join("a.c"), SOURCE).expect("writing");
        let compile = ["gcc", "-O0", "-fprofile-generate", "-fprofile-update=atomic", "-o", "a", "a.c"];
        let program = folder.path().join("a").to_string_lossy().into_owned();
        if !output(folder.path(), &compile).await || !output(folder.path(), &[&program]).await {
            println!("skipped: no gcc here");
            return;
        }
        let entries = fs_err::read_dir(folder.path()).expect("the folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut counts = paths.filter(|path| path.extension().is_some_and(|end| end == "gcda"));
        let bytes = fs_err::read(counts.next().expect("counts")).expect("reading");
        assert_eq!(coverage(&bytes), Some(ProfileCoverage { functions: 4, executed: 2 }));
        assert_eq!(coverage(&bytes[..bytes.len() - 6]), None, "a cut file is none");
    }

    #[test]
    fn other_files_have_none() {
        for bytes in [&b""[..], b"gcda", b"counts of something else", b"adcg804*1234"] {
            assert_eq!(coverage(bytes), None, "{bytes:?}");
        }
        // Big-endian, GCC 10: lengths in words, no checksum in the header; the second has a negative length.
        let words: [u32; 15] =
            [0x0100_0000, 3, 1, 2, 3, 0x01a1_0000, 2, 0, 5, 0x0100_0000, 1, 9, 0x01a1_0000, 0xffff_fffe, 0];
        let records = words.iter().flat_map(|word| word.to_be_bytes());
        let file: Vec<u8> = b"gcdaB00*stmp".iter().copied().chain(records).collect();
        assert_eq!(coverage(&file), Some(ProfileCoverage { functions: 2, executed: 1 }));
    }
}
