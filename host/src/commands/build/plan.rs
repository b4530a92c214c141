//! The plan of an order, and the verb that prints it.

use super::flavour::check_tools;
use super::order::ResolvedRequest;
use crate::cli::BuildInputArgs;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report;
use sha2::Digest as _;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, ProfileData};
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_cpython::plan::ATTESTATIONS;
use vmbuild_cpython::{Plan, ProfileSource, RecipeInput, Schema, Slowness, layout, recipe};
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_job::MachineSetup;

/// A plan with its digest.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) sha256: Sha256,
}

impl Planned {
    /// Everything that determines the artifact, known before any machine is started. A release build trains.
    pub(super) fn new(order: &ResolvedRequest, golden: &Golden) -> Result<Self, Failure> {
        check_tools(order.version, golden)?;
        // What is particular to a machine or a run is no part of a plan; the recipe leaves it out again.
        let input = RecipeInput {
            version: order.version,
            profile: order.profile,
            jobs: 1,
            source: String::new(),
            slowness: Slowness::Native,
            counts: ProfileSource::Trained,
            extent: order.extent,
        };
        let recipe = recipe(&input);
        let (_, packages) = vmbuild_archive::sha256_file(&golden.packages()).map_err(ArtifactError::Io)?;
        let plan = Plan {
            schema: Schema,
            version: order.version,
            profile: order.profile,
            extent: order.extent,
            source_sha256: order.source.sha256,
            image: golden.image().to_owned(),
            image_digest: golden.digest().to_owned(),
            packages_sha256: packages.into(),
            arch: std::env::consts::ARCH.to_owned(),
            configure_line: recipe.configure_line.clone(),
            steps: recipe.plan_steps(),
            mtime: layout::MTIME,
            packer: vmbuild_archive::FORM,
            profile_data_sha256: None,
            attestations: ATTESTATIONS,
        };
        Ok(Self::of(plan))
    }

    /// The same with a profile that is there already.
    pub(super) fn with_profile_data(&self, profile: &ProfileData) -> Result<Self, Failure> {
        profile.check_fits(&self.plan)?;
        Ok(Self::of(self.plan.with_profile_data(profile.sha256)))
    }

    /// A plan from elsewhere.
    pub(super) fn of(plan: Plan) -> Self {
        let digest: [u8; 32] = sha2::Sha256::digest(plan.to_json().as_bytes()).into();
        Self { plan, sha256: Sha256(digest) }
    }

    /// Prints it: on one line for programs, indented for people.
    pub(super) fn print(&self, context: &CommandContext) -> Result<CommandExit, Failure> {
        let document = serde_json::json!({ "schema": 1, "plan_sha256": self.sha256, "plan": self.plan });
        let text = if context.json { format!("{document}\n") } else { format!("{document:#}\n") };
        report::to_stdout(&text)?;
        Ok(Exit::Success.into())
    }
}

/// In which fields two plans differ, each with what was and what is where that is short.
pub(in crate::commands) fn changes(was: &Plan, is: &Plan) -> Vec<String> {
    let fields = |plan| match serde_json::to_value(plan) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (was, is) = (fields(was), fields(is));
    let differing = is.iter().filter(|(name, value)| was.get(*name) != Some(*value));
    let short = |value: &serde_json::Value| value.to_string().chars().take(80).collect::<String>();
    let words = |name: &String, value| match name.as_str() {
        "steps" => name.clone(),
        _ => format!("{name}: {} was {}", short(value), was.get(name).map(short).unwrap_or_default()),
    };
    differing.map(|(name, value)| words(name, value)).collect()
}

/// `vmbuild plan`: what determines an artifact. Gets the source and makes the golden machine, as a build would: their
/// digests are part of it.
pub(crate) async fn plan(context: &CommandContext, wanted: BuildInputArgs) -> Result<CommandExit, Failure> {
    context.tidy_up().await?;
    let order = ResolvedRequest::accept(context, wanted).await?;
    let setup = MachineSetup::decide(context, &order.machine.request()).await?;
    let golden = setup.golden(context, GoldenRole::Build).await?;
    let trained = Planned::new(&order, &golden)?;
    match &order.profile_data {
        Some(profile) => trained.with_profile_data(profile)?.print(context),
        None => trained.print(context),
    }
}

#[cfg(test)]
mod tests {
    use super::{Planned, changes};
    use vmbuild_archive::Sha256;
    use vmbuild_cpython::{Extent, Plan, Profile, ProfileSource, RecipeInput, Schema, Slowness, recipe};

    fn plan(profile: Profile) -> Plan {
        let version = "3.13.5".parse().expect("a version");
        let (source, slowness, counts) = (String::new(), Slowness::Native, ProfileSource::Trained);
        let extent = Extent::Full;
        let input = RecipeInput { version, profile, jobs: 1, source, slowness, counts, extent };
        let recipe = recipe(&input);
        Plan {
            schema: Schema,
            version,
            profile,
            extent,
            source_sha256: Sha256([1; 32]),
            image: "debian-12".to_owned(),
            image_digest: "02".repeat(32),
            packages_sha256: Sha256([2; 32]),
            arch: "x86_64".to_owned(),
            configure_line: "sh ./configure".to_owned(),
            steps: recipe.plan_steps(),
            mtime: 0,
            packer: 1,
            profile_data_sha256: None,
            attestations: 1,
        }
    }

    #[test]
    fn a_plan_is_known_by_its_digest() {
        let digest = |plan: Plan| Planned::of(plan).sha256;
        assert_eq!(digest(plan(Profile::Fast)), digest(plan(Profile::Fast)));
        assert_ne!(digest(plan(Profile::Fast)), digest(plan(Profile::Smoke)));
    }

    #[test]
    fn what_changed_between_two_plans_is_named() {
        let was = plan(Profile::Fast);
        assert_eq!(changes(&was, &was), Vec::<String>::new());
        let is = Plan { packer: 2, ..was.clone() };
        assert_eq!(changes(&was, &is), ["packer: 2 was 1"]);
        let is = Plan { steps: plan(Profile::Smoke).steps, ..was.clone() };
        assert_eq!(changes(&was, &is), ["steps"]);
    }
}
