use super::*;
use crate::result::JobOutcome;
use crate::spec::JobSchema;
use std::collections::BTreeMap;

struct Bench {
    folder: tempfile::TempDir,
    cache: JobCache,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for place in ["outputs", "logs"] {
            fs_err::create_dir_all(folder.path().join("job").join(place)).expect("a folder");
        }
        let store = Store::at(&folder.path().join("store")).expect("a store");
        Self { cache: JobCache::of(&store), folder }
    }

    fn job(&self) -> PathBuf {
        self.folder.path().join("job")
    }

    fn kept(&self, key: u8) -> JobResult {
        fs_err::write(self.job().join("outputs/hello"), "hello").expect("writing");
        fs_err::write(self.job().join("logs/compile.log"), "cc").expect("writing");
        let file = |path: &str| JobFile::of(&self.job().join(path)).expect("a digest");
        let result = JobResult {
            schema: JobSchema,
            kind: "test".to_owned(),
            spec_sha256: Sha256([key; 32]),
            outcome: JobOutcome::Passed,
            origin: JobOrigin::Ran,
            outputs: BTreeMap::from([("hello".parse().expect("a name"), file("outputs/hello"))]),
            logs: BTreeMap::from([("compile.log".to_owned(), file("logs/compile.log").sha256)]),
            stages: Vec::new(),
            measured: None,
        };
        self.cache.keep(&self.job(), &result).expect("keeping");
        for file in ["outputs/hello", "logs/compile.log"] {
            fs_err::remove_file(self.job().join(file)).expect("removing");
        }
        result
    }

    fn take(&self, key: u8) -> TakenJob {
        self.cache.take(Sha256([key; 32]), &self.job()).expect("taking")
    }
}

#[test]
fn a_job_is_taken_as_it_was_kept() {
    let bench = Bench::new();
    assert_eq!(bench.take(1), TakenJob::Missing);
    let kept = bench.kept(1);
    assert_eq!(bench.take(1), TakenJob::Sound(Box::new(JobResult { origin: JobOrigin::Cache, ..kept })));
    assert_eq!(fs_err::read_to_string(bench.job().join("outputs/hello")).expect("reading"), "hello");
    assert_eq!(fs_err::read_to_string(bench.job().join("logs/compile.log")).expect("reading"), "cc");
}

#[test]
fn a_damaged_job_is_removed_and_leaves_no_output() {
    for damaged in ["outputs/hello", "logs/compile.log", "result.json"] {
        let bench = Bench::new();
        let kept = bench.kept(1);
        let entry = bench.cache.root.join(kept.spec_sha256.to_string());
        fs_err::write(entry.join(damaged), "other").expect("writing");
        assert_eq!(bench.take(1), TakenJob::Damaged, "{damaged}");
        assert!(!bench.job().join("outputs/hello").exists(), "{damaged}");
        assert_eq!(bench.take(1), TakenJob::Missing, "{damaged}");
    }
}

#[test]
fn the_least_recently_used_go_first() {
    let bench = Bench::new();
    for key in 1..=3 {
        bench.kept(key);
        let age = std::time::Duration::from_hours(u64::from(4 - key));
        let result = bench.cache.root.join(Sha256([key; 32]).to_string()).join(RESULT);
        let file = fs_err::File::open(result).expect("a result");
        file.file().set_modified(SystemTime::now() - age).expect("a time");
    }
    assert!(matches!(bench.take(1), TakenJob::Sound(_)));
    bench.cache.prune(2).expect("pruning");
    assert_eq!(bench.take(2), TakenJob::Missing);
    assert!(matches!((bench.take(1), bench.take(3)), (TakenJob::Sound(_), TakenJob::Sound(_))));
}
