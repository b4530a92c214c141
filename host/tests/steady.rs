//! The library preloaded while an interpreter is trained (`provision/cpython/steady.c`), tried with the system's Python: two
//! processes at two times, in two file systems, see the same.

#![expect(clippy::disallowed_methods, reason = "a test waits for its own children")]

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../provision/cpython/steady.c");

/// Says what it sees of the clock, chance and itself.
const SEEN: &str = "
import os, resource, time
time.sleep(3600)
print(time.time_ns(), time.monotonic_ns(), time.process_time_ns(), os.times(), resource.getrusage(resource.RUSAGE_SELF))
print(os.getpid(), os.getppid(), os.urandom(16).hex(), os.getloadavg())
";

/// Makes files in a folder and says what its file system says of them.
const FILES: &str = "
import os, sys
os.chdir(sys.argv[1])
names = [f'{number * 7919 % 500}-file' for number in range(500)]
for name in names:
    with open(name, 'w') as file:
        file.write(name)
os.mkdir('folder')
seen = os.listdir('.')
assert seen == sorted(names + ['folder']), seen
assert seen == os.listdir(os.open('.', os.O_RDONLY)) == [entry.name for entry in os.scandir()]
numbers = {entry.name: entry.inode() for entry in os.scandir()}
assert len(set(numbers.values())) == 501 and all(numbers[name] == os.lstat(name).st_ino for name in seen)
assert all(1 << 29 <= number < 1 << 30 for number in numbers.values()), 'one digit of CPython, and none of its small integers'
for name in seen[:3] + ['folder']:
    of = os.stat(name)
    print(name, of.st_dev, of.st_blksize, of.st_blocks, of.st_size)
assert os.path.samefile('folder', 'folder/.') and not os.path.samefile(seen[0], seen[1])
for missing in (os.listdir, os.stat, os.scandir):
    try:
        missing('missing')
        raise AssertionError(missing)
    except FileNotFoundError:
        pass
";

fn preloaded(folder: &Path) -> PathBuf {
    let library = folder.join("steady.so");
    let made = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-o"])
        .args([library.as_path(), Path::new(SOURCE)])
        .output()
        .expect("a C compiler");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    library
}

fn python(preload: Option<&Path>, script: &str, word: &Path) -> String {
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(word);
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    let ran = command.output().expect("a Python");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

#[test]
fn clock_and_chance_are_the_same_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = preloaded(folder.path());
    let seen = python(Some(&library), SEEN, folder.path());
    assert_eq!(seen, python(Some(&library), SEEN, folder.path()));
    assert_ne!(seen, python(None, &SEEN.replace("time.sleep(3600)", ""), folder.path()), "it has an effect");
}

#[test]
fn files_are_the_same_in_another_file_system() {
    let (here, memory) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir_in("/dev/shm").expect("a folder"));
    let library = preloaded(here.path());
    let files = tempfile::tempdir_in(here.path()).expect("a folder");
    let seen = python(Some(&library), FILES, files.path());
    assert_eq!(seen.lines().count(), 4, "{seen}");
    assert_eq!(seen, python(Some(&library), FILES, memory.path()));
}
