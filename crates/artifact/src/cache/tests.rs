use super::*;
use vmbuild_cpython::{Extent, GuestSpeed, Plan, Profile, ProfileSource, RecipeInput, recipe};

fn kept(tarball: &Path, plan: u8) -> KeptBuild {
    let (bytes, sha256) = vmbuild_archive::sha256_file(tarball).expect("the tarball is there");
    KeptBuild {
        schema: Schema,
        sha256: sha256.into(),
        bytes,
        debug_info: None,
        info: info(Sha256([plan; 32])),
        measured: measured(),
        logs: BTreeMap::new(),
    }
}

pub(crate) fn info(plan_sha256: Sha256) -> BuildInfo {
    let (version, profile) = ("3.13.5".parse().expect("a version"), Profile::Smoke);
    let input = RecipeInput {
        version,
        profile,
        jobs: 1,
        source: "/s".to_owned(),
        guest_speed: GuestSpeed::Native,
        counts: ProfileSource::Trained,
        extent: Extent::Full,
    };
    let plan = Plan {
        schema: Schema,
        version,
        profile,
        extent: Extent::Full,
        source_sha256: Sha256([1; 32]),
        image: "debian-12".to_owned(),
        image_digest: "02".repeat(32),
        packages_sha256: Sha256([2; 32]),
        arch: "x86_64".to_owned(),
        configure_line: String::new(),
        steps: recipe(&input).plan_steps(),
        mtime: 0,
        packer: 1,
        profile_data_sha256: None,
        attestations: 1,
    };
    BuildInfo {
        schema: Schema,
        version,
        profile,
        source_sha256: plan.source_sha256,
        image: plan.image.clone(),
        image_digest: plan.image_digest.clone(),
        configure_line: String::new(),
        compiler: String::new(),
        os: String::new(),
        arch: plan.arch.clone(),
        packages: Vec::new(),
        verified_options: None,
        plan_sha256,
        plan,
    }
}

fn measured() -> BuildMeasurements {
    BuildMeasurements {
        began: "2026-01-02T03:04:05Z".to_owned(),
        backend: "sandbox".to_owned(),
        accelerator: "none".to_owned(),
        kernel: "6.1".to_owned(),
        cpu_model: "a processor".to_owned(),
        jobs: 2,
        vmbuild: "0123".to_owned(),
        stage_seconds: [("compile".to_owned(), 1.5)].into_iter().collect(),
    }
}

/// A cache in a folder of its own, and a tarball to put in.
struct Scene {
    folder: tempfile::TempDir,
    cache: BuildCache,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = BuildCache { root: folder.path().join("builds") };
        fs_err::write(folder.path().join("a.tgz"), "a tarball").expect("writing");
        fs_err::create_dir(folder.path().join("logs")).expect("a folder");
        Self { folder, cache }
    }

    fn tarball(&self) -> PathBuf {
        self.folder.path().join("a.tgz")
    }

    fn debug(&self) -> PathBuf {
        self.folder.path().join("debug.zst")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("logs/compile.log")
    }

    fn outputs(&self) -> BuildOutputs {
        BuildOutputs { tarball: self.tarball(), debug_info: self.debug(), logs: self.folder.path().join("logs") }
    }

    fn taken(&self, plan: u8) -> (CachedBuild, Option<String>) {
        let to = self.folder.path().join("out.tgz");
        let cached = self
            .cache
            .take(Sha256([plan; 32]), &BuildOutputs { tarball: to.clone(), ..self.outputs() })
            .expect("a readable cache");
        let bytes = fs_err::read_to_string(&to).ok();
        let _ = fs_err::remove_file(to);
        (cached, bytes)
    }
}

#[test]
fn what_is_kept_is_found_by_its_plan() {
    let scene = Scene::new();
    assert_eq!(scene.taken(7), (CachedBuild::Nothing, None));
    let kept = kept(&scene.tarball(), 7);
    assert_eq!(scene.cache.keep(&scene.outputs(), &kept).expect("kept"), None);
    assert_eq!(scene.taken(7), (CachedBuild::Taken(Box::new(kept)), Some("a tarball".to_owned())));
    assert_eq!(scene.taken(8), (CachedBuild::Nothing, None), "another plan");
}

#[test]
fn damage_is_noticed_and_removed() {
    let damages: [fn(&Path); 4] = [
        |entry| fs_err::write(entry.join(TARBALL), "b tarball").expect("writing"),
        |entry| fs_err::remove_file(entry.join(TARBALL)).expect("removing"),
        |entry| fs_err::write(entry.join(FACTS), "{}").expect("writing"),
        |entry| {
            let text = fs_err::read_to_string(entry.join(FACTS)).expect("reading");
            fs_err::write(entry.join(FACTS), text.replace(&"07".repeat(32), &"08".repeat(32))).expect("writing");
        },
    ];
    for damage in damages {
        let scene = Scene::new();
        scene.cache.keep(&scene.outputs(), &kept(&scene.tarball(), 7)).expect("kept");
        damage(&scene.cache.folder(Sha256([7; 32])));
        assert_eq!(scene.taken(7), (CachedBuild::Damaged, None));
        assert_eq!(scene.taken(7), (CachedBuild::Nothing, None));
    }
}

#[test]
fn debug_info_comes_along_or_nothing_does() {
    let scene = Scene::new();
    fs_err::write(scene.debug(), "debug info").expect("writing");
    let debug_info = Some(DebugInfo::of(&scene.debug()).expect("a file"));
    let kept = KeptBuild { debug_info, ..kept(&scene.tarball(), 7) };
    scene.cache.keep(&scene.outputs(), &kept).expect("kept");
    fs_err::remove_file(scene.debug()).expect("removing");
    assert_eq!(scene.taken(7).0, CachedBuild::Taken(Box::new(kept)));
    assert_eq!(fs_err::read_to_string(scene.debug()).expect("it was copied"), "debug info");
    fs_err::write(scene.cache.folder(Sha256([7; 32])).join(DEBUG), "debug inf0").expect("writing");
    assert_eq!(scene.taken(7), (CachedBuild::Damaged, None));
}

#[test]
fn the_steps_logs_come_along_or_nothing_does() {
    let scene = Scene::new();
    fs_err::write(scene.log(), "cc -c a.c").expect("writing");
    fs_err::write(scene.log().with_extension("json"), "{}").expect("writing");
    let kept = KeptBuild { logs: scene.outputs().step_logs().expect("readable"), ..kept(&scene.tarball(), 7) };
    assert_eq!(kept.logs.keys().collect::<Vec<_>>(), ["compile.log"], "and what else there is belongs to one build");
    scene.cache.keep(&scene.outputs(), &kept).expect("kept");
    fs_err::remove_file(scene.log()).expect("removing");
    assert_eq!(scene.taken(7).0, CachedBuild::Taken(Box::new(kept)));
    assert_eq!(fs_err::read_to_string(scene.log()).expect("it was copied"), "cc -c a.c");
    fs_err::write(scene.cache.folder(Sha256([7; 32])).join(LOGS).join("compile.log"), "cc -c b.c").expect("writing");
    assert_eq!(scene.taken(7), (CachedBuild::Damaged, None));
}

#[test]
fn a_second_build_of_a_plan_says_what_the_first_gave() {
    let scene = Scene::new();
    let first = kept(&scene.tarball(), 7);
    scene.cache.keep(&scene.outputs(), &first).expect("kept");
    assert_eq!(scene.cache.keep(&scene.outputs(), &first).expect("kept again"), Some(first.sha256));
    fs_err::write(scene.tarball(), "other bytes").expect("writing");
    let second = kept(&scene.tarball(), 7);
    assert_eq!(scene.cache.keep(&scene.outputs(), &second).expect("kept anew"), Some(first.sha256));
    assert_eq!(scene.taken(7).1.as_deref(), Some("other bytes"));
}

#[test]
fn those_not_used_for_the_longest_time_go_first() {
    let scene = Scene::new();
    for plan in 1..=3 {
        scene.cache.keep(&scene.outputs(), &kept(&scene.tarball(), plan)).expect("kept");
        let facts = fs_err::File::open(scene.cache.folder(Sha256([plan; 32])).join(FACTS)).expect("facts");
        let used = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(plan));
        facts.file().set_modified(used).expect("a time");
    }
    scene.taken(1);
    scene.cache.prune(2).expect("pruned");
    let left = |plan| !matches!(scene.taken(plan).0, CachedBuild::Nothing);
    assert_eq!([1, 2, 3].map(left), [true, false, true], "1 was used last of all");
}
