use super::analyzer::ANALYZE;
use super::training::{STEADY, TRAIN};
use super::*;

fn input(version: &str, profile: Profile) -> RecipeInput {
    RecipeInput {
        version: version.parse().unwrap(),
        profile,
        jobs: 4,
        source: format!("/build/Python-{version}.tar.xz"),
        guest_speed: GuestSpeed::Native,
        counts: ProfileSource::Trained,
        extent: Extent::Full,
    }
}

/// Renders a recipe as text, a few lines per step; the contents of embedded files are left out.
fn shown(input: &RecipeInput) -> String {
    let steps = recipe(input).steps.steps;
    let shown: Vec<String> =
        steps.iter().map(|step| format!("{}\n{}", step.name, shown_action(&step.action))).collect();
    shown.join("\n")
}

fn shown_action(action: &Action) -> String {
    match action {
        Action::Run { command, timeout_ms, watch } => {
            let env: Vec<String> = command.env.iter().map(|(name, value)| format!("    {name}={value}\n")).collect();
            let argv = command.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
            format!(
                "    in {}, at most {} min, watching {watch:?}\n{}    $ {argv}\n",
                command.cwd,
                timeout_ms / 60_000,
                env.concat()
            )
        }
        Action::Write { path, contents, mode } => {
            let ours = [
                (RULES, "the rules'"),
                (FINISH, "the finish's"),
                (STEADY, "the steady's"),
                (TRAIN, "the training's"),
                (ANALYZE, "the analyzer's"),
            ];
            let whose = ours.iter().find(|(text, _)| contents == text).expect("a file of ours").1;
            format!("    write {whose} lines to {path} with mode {mode:o}\n")
        }
        Action::RequireFiles { under, suffix, at_least, otherwise } => {
            format!("    at least {at_least} of *{suffix} under {under}, or: {otherwise}\n")
        }
    }
}

#[test]
fn recipes_stay_as_they_are() {
    insta::assert_snapshot!("3.11.2-release", shown(&input("3.11.2", Profile::Release)));
    insta::assert_snapshot!("3.12.6-fast", shown(&input("3.12.6", Profile::Fast)));
    insta::assert_snapshot!("3.13.5-release", shown(&input("3.13.5", Profile::Release)));
    insta::assert_snapshot!("3.13.5-smoke", shown(&input("3.13.5", Profile::Smoke)));
    insta::assert_snapshot!("3.14.10-release", shown(&input("3.14.10", Profile::Release)));
    insta::assert_snapshot!("3.14.10t-fast", shown(&input("3.14.10t", Profile::Fast)));
    insta::assert_snapshot!("3.13.5-debug-asan-fast", shown(&input("3.13.5+debug+asan", Profile::Fast)));
    insta::assert_snapshot!("3.13.5-analyzer-smoke", shown(&input("3.13.5+analyzer", Profile::Smoke)));
}

#[test]
fn given_profile_data_replaces_the_training() {
    let given = RecipeInput { counts: ProfileSource::Given, ..input("3.13.5", Profile::Release) };
    insta::assert_snapshot!("3.13.5-release-given", shown(&given));
    let names = |input: &RecipeInput| recipe(input).steps.steps.into_iter().map(|step| step.name).collect::<Vec<_>>();
    let trained = names(&input("3.13.5", Profile::Release));
    let same = ["place-counts", "counts", "optimised", "install", "licence"];
    assert!(trained.ends_with(&same.map(str::to_owned)) && names(&given).ends_with(&same.map(str::to_owned)));
    assert_eq!(recipe(&given).counts, Some(ProfileDataPlace::ExpectedAt("/build/profile.tar".to_owned())));
    assert_eq!(recipe(&input("3.13.5", Profile::Fast)).counts, None);
}

#[test]
fn an_emulated_guest_gets_fifteen_times_as_long() {
    let native = input("3.13.5", Profile::Release);
    let emulated = RecipeInput { guest_speed: GuestSpeed::Emulated, ..native.clone() };
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
fn build_info_is_in_the_packed_tree() {
    let made = recipe(&input("3.13.5", Profile::Fast));
    assert_eq!(made.build_info, format!("{}/opt/python-3.13.5/.build-info", made.destination));
}

#[test]
fn the_configure_line_can_be_pasted_into_a_shell() {
    let line = recipe(&input("3.13.5", Profile::Smoke)).configure_line;
    assert!(line.starts_with("sh ./configure --prefix=/opt/python-3.13.5 "), "{line}");
    assert!(line.contains("'CFLAGS_NODIST=-g1 -fstack-protector-strong'"), "{line}");
}

#[test]
fn a_slim_artifact_differs_in_its_installation_alone() {
    let full = input("3.13.5", Profile::Fast);
    let slim = recipe(&RecipeInput { extent: Extent::Slim, ..full.clone() }).steps.steps;
    let full = recipe(&full).steps.steps;
    let differing: Vec<&str> = full.iter().zip(&slim).filter(|(a, b)| a != b).map(|(a, _)| a.name.as_str()).collect();
    assert_eq!((differing, full.len()), (vec!["install"], slim.len()));
}
