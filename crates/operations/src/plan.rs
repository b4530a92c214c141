//! `plan`: everything that determines an artifact, with its digest.

use crate::build::{BuildInputs, ObtainedInputs, ResolvedRequest, check_tools};
use crate::sweep;
use sha2::Digest as _;
use vmbuild_archive::Sha256;
use vmbuild_artifact::{ArtifactError, ProfileData};
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_cpython::plan::ATTESTATIONS;
use vmbuild_cpython::{GuestSpeed, Plan, ProfileSource, RecipeInput, Schema, layout, recipe};
use vmbuild_image::{Golden, GoldenRole};

/// A request for the plan of an artifact.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// Inputs of the artifact.
    pub inputs: BuildInputs,
}

/// A plan with its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanOutcome {
    /// The plan.
    pub plan: Plan,
    /// SHA-256 of its text.
    pub sha256: Sha256,
}

/// The plan of a build under way.
#[derive(Debug, Clone)]
pub(crate) struct PlannedBuild {
    pub(crate) plan: Plan,
    pub(crate) sha256: Sha256,
}

impl PlannedBuild {
    /// Everything that determines the artifact, known before any machine is started. A release build trains.
    pub(crate) fn new(request: &ResolvedRequest, inputs: &ObtainedInputs, golden: &Golden) -> Result<Self, Failure> {
        check_tools(request.version, golden)?;
        // What is particular to a machine or a run is no part of a plan; the recipe leaves it out again.
        let input = RecipeInput {
            version: request.version,
            profile: request.profile,
            jobs: 1,
            source: String::new(),
            guest_speed: GuestSpeed::Native,
            counts: ProfileSource::Trained,
            extent: request.extent,
        };
        let recipe = recipe(&input);
        let (_, packages) = vmbuild_archive::sha256_file(&golden.packages()).map_err(ArtifactError::Io)?;
        let plan = Plan {
            schema: Schema,
            version: request.version,
            profile: request.profile,
            extent: request.extent,
            source_sha256: inputs.source.sha256,
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

    /// The same with profile data of an earlier training.
    pub(crate) fn with_profile_data(&self, profile: &ProfileData) -> Result<Self, Failure> {
        profile.check_fits(&self.plan)?;
        Ok(Self::of(self.plan.with_profile_data(profile.sha256)))
    }

    /// A plan from elsewhere.
    pub(crate) fn of(plan: Plan) -> Self {
        let digest: [u8; 32] = sha2::Sha256::digest(plan.to_json().as_bytes()).into();
        Self { plan, sha256: Sha256(digest) }
    }
}

impl From<PlannedBuild> for PlanOutcome {
    fn from(PlannedBuild { plan, sha256 }: PlannedBuild) -> Self {
        Self { plan, sha256 }
    }
}

/// Fields in which two plans differ, each with both values where they are short.
pub(crate) fn changes(was: &Plan, is: &Plan) -> Vec<String> {
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

/// Plans an artifact. Obtains the source and makes the golden machine, as a build would: their digests are part of the
/// plan.
pub async fn plan(context: &Context, request: PlanRequest) -> Result<PlanOutcome, Failure> {
    sweep(context).await?;
    let resolved = ResolvedRequest::resolve(context, request.inputs)?;
    let inputs = resolved.obtain(context).await?;
    let golden = resolved.machines(context).await?.golden(context, GoldenRole::Build).await?;
    let trained = PlannedBuild::new(&resolved, &inputs, &golden)?;
    Ok(match &inputs.profile_data {
        Some(profile) => trained.with_profile_data(profile)?.into(),
        None => trained.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::{PlannedBuild, changes};
    use vmbuild_archive::Sha256;
    use vmbuild_cpython::{Extent, GuestSpeed, Plan, Profile, ProfileSource, RecipeInput, Schema, recipe};

    fn plan(profile: Profile) -> Plan {
        let version = "3.13.5".parse().expect("a version");
        let (source, guest_speed, counts) = (String::new(), GuestSpeed::Native, ProfileSource::Trained);
        let extent = Extent::Full;
        let input = RecipeInput { version, profile, jobs: 1, source, guest_speed, counts, extent };
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
        let digest = |plan: Plan| PlannedBuild::of(plan).sha256;
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
