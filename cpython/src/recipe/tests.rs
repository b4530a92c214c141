use super::*;

fn input(version: &str, profile: Profile) -> RecipeInput {
    RecipeInput {
        version: version.parse().unwrap(),
        profile,
        jobs: 4,
        source: format!("/build/Python-{version}.tar.xz"),
        work: "/build".to_owned(),
        slow: Slowness::Native,
    }
}

/// A recipe as text; the make rules, which are a file of their own, are left out.
fn shown(input: &RecipeInput) -> String {
    let mut recipe = recipe(input);
    for step in &mut recipe.steps.steps {
        if let Action::Write { contents, .. } = &mut step.action {
            assert_eq!(contents, RULES);
            *contents = "(vmbuild.mk)".to_owned();
        }
    }
    format!("{recipe:#?}")
}

#[test]
fn recipes_stay_as_they_are() {
    insta::assert_snapshot!("3.11.2-release", shown(&input("3.11.2", Profile::Release)));
    insta::assert_snapshot!("3.12.6-fast", shown(&input("3.12.6", Profile::Fast)));
    insta::assert_snapshot!("3.13.5-release", shown(&input("3.13.5", Profile::Release)));
    insta::assert_snapshot!("3.13.5-smoke", shown(&input("3.13.5", Profile::Smoke)));
    insta::assert_snapshot!("3.14.10-release", shown(&input("3.14.10", Profile::Release)));
}

#[test]
fn an_emulated_guest_gets_fifteen_times_as_long() {
    let native = input("3.13.5", Profile::Release);
    let emulated = RecipeInput { slow: Slowness::Emulated, ..native.clone() };
    let limits = |input: &RecipeInput| {
        let limit = |step: &Step| match step.action {
            Action::Run { timeout_ms, .. } => Some(timeout_ms),
            _ => None,
        };
        recipe(input).steps.steps.iter().filter_map(limit).collect::<Vec<u64>>()
    };
    let stretched: Vec<u64> = limits(&native).iter().map(|limit| limit * 15).collect();
    assert_eq!(limits(&emulated), stretched);
}

#[test]
fn everything_stays_in_the_work_folder() {
    let elsewhere = RecipeInput { work: "/var/tmp/w".to_owned(), ..input("3.13.5", Profile::Fast) };
    let found = recipe(&elsewhere);
    assert_eq!(found.destination, "/var/tmp/w/dest");
    assert_eq!(found.build_info, "/var/tmp/w/dest/opt/python-3.13.5/.build-info");
    assert!(!shown(&RecipeInput { source: "/s.tar.xz".to_owned(), ..elsewhere }).contains("/build"));
}

#[test]
fn the_configure_line_can_be_pasted_into_a_shell() {
    let line = recipe(&input("3.13.5", Profile::Smoke)).configure_line;
    assert!(line.starts_with("sh ./configure --prefix=/opt/python-3.13.5 "), "{line}");
    assert!(line.contains("'OPT=-O0 -g -DNDEBUG -fwrapv'"), "{line}");
    assert!(line.ends_with(r"'LDFLAGS_NODIST=-Wl,-rpath,\$$ORIGIN/../lib'"), "{line}");
}
