//! CPython's documented sequence, without vmbuild, in a machine that has all packages already.

use super::memory::MemoryWatch;
use super::{BuildBench, BuildCost};
use crate::workspace::{TaskError, say};
use std::path::Path;
use std::time::Instant;

/// Installation folder in the machine.
pub(super) const PREFIX: &str = "/opt/plain";

/// Copy of the installed tree on the host.
pub(super) const TARBALL: &str = "/root/plain.tar";
/// Name among the results.
pub(super) const FILE: &str = "plain.tar";

/// The sequence; `make` without `-j` would be no fair comparison. Each line of output is a stage's seconds: wall clock,
/// user, system.
const SEQUENCE: &str = r#"
set -e
export LC_ALL=C.UTF-8 TIMEFORMAT='%R %U %S'
mkdir -p /root/plain
tar -xf "$1" -C /root/plain --strip-components=1
cd /root/plain
{ time ./configure --prefix="$2" --enable-optimizations --with-lto --enable-shared > ../configure.log 2>&1 ; } 2>&1
{ time make -j"$(nproc)" > ../make.log 2>&1 ; } 2>&1
{ time make install > ../install.log 2>&1 ; } 2>&1
"#;

/// Runs the sequence.
pub(super) async fn measure(bench: &BuildBench<'_>, source: &Path) -> Result<BuildCost, TaskError> {
    let inside = format!("/root/{}", source.file_name().unwrap_or_default().to_string_lossy());
    bench.copy(source, &inside).await?;
    say("$ ./configure --enable-optimizations --with-lto --enable-shared && make -jN && make install");
    let (watched, since) = (MemoryWatch::start(), Instant::now());
    let said = bench.inside(&["bash", "-c", SEQUENCE, "plain", &inside, PREFIX]).await?;
    let (wall, peak) = (since.elapsed(), watched.peak());
    bench.inside(&["tar", "-cf", TARBALL, "-C", "/", PREFIX.trim_start_matches('/')]).await?;
    let (processors, stages) = read(&said).ok_or(TaskError::Silent("the plain build"))?;
    Ok(BuildCost {
        what: "plain: configure, make, make install".to_owned(),
        wall,
        processors,
        peak,
        bytes: None,
        stages,
    })
}

/// Processor seconds of all stages, and each stage's wall-clock time as text.
fn read(said: &str) -> Option<(f64, String)> {
    let numbers = |line: &str| line.split(' ').map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>();
    let lines = said.lines().map(numbers).collect::<Option<Vec<_>>>()?;
    let names = ["configure", "make", "install"];
    (lines.len() == names.len() && lines.iter().all(|line| line.len() == 3)).then(|| {
        let words = names.iter().zip(&lines).map(|(name, line)| format!("{name} {:.0}", line[0]));
        (lines.iter().map(|line| line[1] + line[2]).sum(), words.collect::<Vec<_>>().join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn stages_are_read() {
        let (processors, words) = read("23.1 20.0 3.0\n900.0 1500.5 60.5\n14.2 10 4\n").expect("three stages");
        assert_eq!((processors, words.as_str()), (1598.0, "configure 23, make 900, install 14"));
        assert_eq!(read("make: error\n"), None);
    }
}
