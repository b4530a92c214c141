use super::*;
use vmbuild_protocol::{Action, Step};

fn steps(names: &[&str]) -> Steps {
    let step = |name: &&str| Step {
        name: (*name).to_owned(),
        action: Action::Write { path: "/a".to_owned(), contents: "x".to_owned(), mode: 0o644 },
    };
    Steps { steps: names.iter().map(step).collect() }
}

fn spec() -> JobSpec {
    let pin = |role| ImagePin {
        name: "debian-12".to_owned(),
        role,
        digest: "02".repeat(32),
        packages_sha256: Sha256([2; 32]),
        arch: "x86_64".to_owned(),
    };
    let name = |text: &str| text.parse().expect("a file name");
    JobSpec {
        schema: JobSchema,
        kind: "test".to_owned(),
        inputs: vec![JobInput {
            name: name("in"),
            sha256: Sha256([1; 32]),
            bytes: 3,
            guest_path: "/in".to_owned(),
            mode: 0o644,
        }],
        image: pin(MachineRole::Build),
        steps: steps(&["one", "two"]),
        outputs: vec![JobOutput {
            name: name("out"),
            guest_path: "/out".to_owned(),
            form: OutputForm::Tree { mtime: 0 },
        }],
        checks: Some(JobChecks { image: pin(MachineRole::Clean), folder: "/check".to_owned(), steps: steps(&["one"]) }),
    }
}

#[test]
fn a_job_has_one_text_and_is_read_back_from_it() {
    let job = spec();
    assert_eq!(serde_json::from_str::<JobSpec>(&job.to_json()).expect("the same job"), job);
    assert!(job.to_json().starts_with(r#"{"schema":1,"kind":"test","inputs":[{"name":"in","#), "{}", job.to_json());
    let newer = job.to_json().replacen("\"schema\":1", "\"schema\":2", 1);
    assert!(serde_json::from_str::<JobSpec>(&newer).is_err());
}

#[test]
fn the_text_of_a_job_stays() {
    // The cache of every store is keyed by it.
    assert_eq!(spec().digest().to_string(), "8e5051114372a72f72b8081618ac8641f29b9c27cb3f149178b55316c0d9cfd2");
}

#[test]
fn everything_that_determines_the_outputs_changes_the_digest() {
    let base = spec();
    let mut others = vec![base.clone(); 6];
    others[0].kind = "other".to_owned();
    others[1].inputs[0].sha256 = Sha256([3; 32]);
    others[2].image.digest = "03".repeat(32);
    others[3].steps.steps.pop();
    others[4].outputs[0].form = OutputForm::File { mode: 0o755 };
    others[5].checks = None;
    for other in others {
        assert_ne!(other.digest(), base.digest(), "{other:?}");
    }
}

#[test]
fn descriptions_that_cannot_be_followed_are_refused() {
    let check = |change: fn(&mut JobSpec), expect: SpecError| {
        let mut job = spec();
        change(&mut job);
        assert_eq!(job.check(), Err(expect));
    };
    assert_eq!(spec().check(), Ok(()));
    check(|job| job.outputs.clear(), SpecError::NoOutputs);
    check(|job| job.inputs.push(job.inputs[0].clone()), SpecError::Repeated("in".to_owned()));
    check(|job| job.steps = steps(&["a", "a"]), SpecError::Repeated("a".to_owned()));
    check(|job| job.steps = steps(&["../a"]), SpecError::StepName("../a".to_owned()));
    check(|job| job.outputs[0].guest_path = "out".to_owned(), SpecError::Relative("out".to_owned()));
}
