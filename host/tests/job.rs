//! A job of a kind of its own, in real machines: it compiles hello.c, and a clean machine runs the program.

#![cfg(target_os = "linux")]
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "clippy knows tests, not their helpers")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;
use vmbuild_core::context::Context;
use vmbuild_core::event::{Event, EventKind, Events, Part};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::store::Store;
use vmbuild_image::GoldenRole;
use vmbuild_job::{
    CacheUse, ImagePin, JobChecks, JobInput, JobOrigin, JobOutcome, JobOutput, JobRequest, JobResult, JobSchema,
    JobSpec, MachineRequest, MachineSetup, OutputForm, VagrantRequest, run_job,
};
use vmbuild_machine::sandbox::{set_helper, works_here};
use vmbuild_machine::{BackendChoice, BackendKind, agent_binary};
use vmbuild_protocol::{Action, CommandLine, Step, Steps, Watch};

/// Prints a number that changes with every run of the test, so that no earlier run's outputs are in the cache.
const SOURCE: &str = "#include <stdio.h>\nint main(void) { puts(\"hello NONCE\"); return 0; }\n";

struct JobBench {
    context: Context,
    heard: tokio::sync::mpsc::UnboundedReceiver<Event>,
    setup: MachineSetup,
    build: ImagePin,
    clean: ImagePin,
    folder: tempfile::TempDir,
}

impl JobBench {
    /// The machines of debian-12 in the shared store; or a printed reason why there are none.
    async fn new() -> Option<Self> {
        set_helper(PathBuf::from(env!("CARGO_BIN_EXE_vmbuild")));
        let cancel = CancellationToken::new();
        if let Err(error) = works_here(&cancel).await {
            println!("skipped: no sandbox: {error}");
            return None;
        }
        if let Err(error) = agent_binary::find() {
            println!("skipped: {error}");
            return None;
        }
        let (events, heard) = Events::channel();
        let store = Store::open(&vmbuild_testkit::shared_store()).unwrap();
        let context = Context { store, events, cancel };
        let request = MachineRequest {
            image: "debian-12".to_owned(),
            locked: false,
            backend: BackendChoice::Only(BackendKind::Sandbox),
            accelerator: None,
            cpus: None,
            memory_mib: None,
            vagrant: VagrantRequest::default(),
        };
        let setup = done(MachineSetup::decide(&context, &request).await);
        let build = ImagePin::of(&done(setup.golden(&context, GoldenRole::Build).await)).unwrap();
        let clean = ImagePin::of(&done(setup.golden(&context, GoldenRole::Clean).await)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Some(Self { context, heard, setup, build, clean, folder })
    }

    /// A job that compiles the source and runs the program elsewhere.
    fn request(&self, source: &str) -> JobRequest {
        let input = self.folder.path().join("hello.c");
        fs_err::write(&input, source).unwrap();
        let (bytes, sha256) = vmbuild_archive::sha256_file(&input).unwrap();
        let compile = ["gcc", "-o", "/work/hello", "/work/hello.c"];
        let spec = JobSpec {
            schema: JobSchema,
            kind: "hello".to_owned(),
            inputs: vec![JobInput {
                name: "hello.c".parse().unwrap(),
                sha256: sha256.into(),
                bytes,
                guest_path: "/work/hello.c".to_owned(),
                mode: 0o644,
            }],
            image: self.build.clone(),
            steps: Steps { steps: vec![step("compile", &compile)] },
            outputs: vec![JobOutput {
                name: "hello".parse().unwrap(),
                guest_path: "/work/hello".to_owned(),
                form: OutputForm::File { mode: 0o755 },
            }],
            checks: Some(JobChecks {
                image: self.clean.clone(),
                folder: "/check".to_owned(),
                steps: Steps { steps: vec![step("runs", &["/check/hello"])] },
            }),
        };
        let inputs = BTreeMap::from([("hello.c".parse().unwrap(), input)]);
        JobRequest { spec, inputs, folder: self.folder.path().join("job"), cache: CacheUse::Allowed }
    }

    async fn run(&self, request: &JobRequest) -> Result<JobResult, Failure> {
        run_job(&self.context, &self.setup, request).await
    }

    /// Number of machines that were started since this was last asked.
    fn boots(&mut self) -> usize {
        let mut boots = 0;
        while let Ok(event) = self.heard.try_recv() {
            boots += usize::from(matches!(
                event.kind,
                EventKind::Started { phase, .. } if phase.part == Part::Machine && phase.name == "agent"
            ));
        }
        boots
    }
}

fn done<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}: {:?}", failure.source()))
}

fn step(name: &str, argv: &[&str]) -> Step {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    let env = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
    let command = CommandLine { argv, env, cwd: "/".to_owned() };
    Step { name: name.to_owned(), action: Action::Run { command, timeout_ms: 60_000, watch: Watch::LastLine } }
}

fn text(folder: &Path, file: &str) -> String {
    fs_err::read_to_string(folder.join(file)).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_program_is_compiled_checked_and_taken_from_the_cache() {
    let Some(mut bench) = JobBench::new().await else { return };
    let nonce = bench.folder.path().file_name().unwrap().to_string_lossy().into_owned();
    let request = bench.request(&SOURCE.replace("NONCE", &nonce));
    bench.boots();
    let first = done(bench.run(&request).await);
    assert_eq!((&first.outcome, first.origin), (&JobOutcome::Passed, JobOrigin::Ran));
    assert_eq!(bench.boots(), 2, "one machine compiles, another checks");
    assert_eq!(text(&request.folder, "logs/check-runs.log"), format!("hello {nonce}\n"));
    let stages: Vec<&str> = first.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["compile", "pack", "check"]);
    let written: JobResult = serde_json::from_str(&text(&request.folder, "result.json")).unwrap();
    assert_eq!(written, first);

    let second = done(bench.run(&request).await);
    assert_eq!((second.origin, &second.outputs), (JobOrigin::Cache, &first.outputs));
    assert_eq!(bench.boots(), 0, "the cache needs no machine");
    let (_, sha256) = vmbuild_archive::sha256_file(&request.folder.join("outputs/hello")).unwrap();
    assert_eq!(sha256, first.outputs.values().next().unwrap().sha256.0);
}

#[tokio::test(flavor = "current_thread")]
async fn failures_say_their_phase_and_cause() {
    let Some(mut bench) = JobBench::new().await else { return };
    let broken = bench.request("int main(void) { return 0 }\n");
    let result = done(bench.run(&broken).await);
    let JobOutcome::Failed { phase, cause } = &result.outcome else { panic!("{result:?}") };
    assert_eq!(phase, "compile");
    assert!(cause[0].starts_with("compile failed; its last lines:"), "{cause:?}");
    assert!(text(&broken.folder, "logs/compile.log").contains("expected"), "the compiler's own words are kept");
    assert!(broken.folder.join("logs/serial.log").is_file());

    let refusing = bench.request("int main(void) { return 3; }\n");
    let result = done(bench.run(&refusing).await);
    let JobOutcome::Failed { phase, .. } = &result.outcome else { panic!("{result:?}") };
    assert_eq!((phase.as_str(), result.outputs.len()), ("check runs", 1));

    bench.boots();
    let request = bench.request("int main(void) { return 0; }\n");
    fs_err::write(bench.folder.path().join("hello.c"), "int main(void) { return 1; }\n").unwrap();
    let refused = bench.run(&request).await.expect_err("another input");
    assert_eq!(refused.exit(), Exit::Integrity);
    assert_eq!(bench.boots(), 0, "a wrong input is refused before any machine starts");
}
