//! Compares the speed of both interpreters: pyperformance's own benchmark programs, run by both in turns.
//!
//! Only programs that need nothing but the standard library are used. One round runs each by both interpreters, one right
//! after the other, so other load on the host affects both. A round gives one geometric mean; the interval is Student's
//! over the rounds.

use super::{BuildBench, plain};
use crate::workspace::{TaskError, say};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Names of pyperformance's programs, some with their arguments.
const PROGRAMS: [&str; 24] = [
    "bm_async_generators",
    "bm_chaos",
    "bm_comprehensions",
    "bm_coroutines",
    "bm_deepcopy",
    "bm_deltablue",
    "bm_fannkuch",
    "bm_float",
    "bm_gc_traversal",
    "bm_generators",
    "bm_go",
    "bm_json_dumps",
    "bm_json_loads",
    "bm_logging",
    "bm_nbody",
    "bm_nqueens",
    "bm_pathlib",
    "bm_pickle pickle",
    "bm_pyflate",
    "bm_python_startup",
    "bm_raytrace",
    "bm_regex_compile",
    "bm_richards",
    "bm_unpack_sequence",
];

/// Folder of the programs in the machine.
const SUITE: &str = "/opt/pyperformance";

/// Student's t for 95 % on both sides, by degrees of freedom from 1.
const STUDENT: [f64; 9] = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26];

/// An interpreter in the machine.
struct MeasuredInterpreter {
    program: String,
    /// Argument for `env` with the library's path: the plain interpreter needs it, vmbuild's does not.
    environment: String,
}

/// Compares both, prints a table and writes it to `speed.md`. `against`: a tarball with a tree at [`plain::PREFIX`].
pub(super) async fn run(bench: &BuildBench<'_>, against: Option<PathBuf>, rounds: usize) -> Result<(), TaskError> {
    let against = against.unwrap_or_else(|| bench.folder.join(plain::FILE));
    let report = bench.in_machine(compare(bench, &against, rounds)).await?;
    bench.publish("speed.md", &report)
}

async fn compare(bench: &BuildBench<'_>, against: &Path, rounds: usize) -> Result<String, TaskError> {
    let artifact = bench.newest_output("cold", ".tgz")?;
    for (tree, inside) in [(against, plain::TARBALL), (&artifact, "/root/artifact.tgz")] {
        bench.copy(tree, inside).await?;
        bench.inside(&["tar", "-xf", inside, "-C", "/"]).await?;
    }
    let plain = MeasuredInterpreter {
        program: python(bench, plain::PREFIX),
        environment: format!("LD_LIBRARY_PATH={}/lib", plain::PREFIX),
    };
    let ours = MeasuredInterpreter {
        program: python(bench, &format!("/opt/python-{}", bench.version)),
        environment: "LD_LIBRARY_PATH=".to_owned(),
    };
    programs(bench, &artifact).await?;
    let mut ratios = vec![Vec::new(); PROGRAMS.len()];
    for round in 1..=rounds {
        for (name, ratios) in PROGRAMS.iter().zip(&mut ratios) {
            ratios.push(time(bench, name, &plain).await? / time(bench, name, &ours).await?);
        }
        say(&format!("round {round} of {rounds}"));
    }
    Ok(report(&ratios))
}

/// The interpreter of a tree.
fn python(bench: &BuildBench<'_>, prefix: &str) -> String {
    let minor = bench.version.rsplit_once('.').map_or(bench.version.as_str(), |(minor, _)| minor);
    format!("{prefix}/bin/python{minor}")
}

/// Copies the programs into the machine: fetched here by the artifact's own pip, since the machine may have no network.
async fn programs(bench: &BuildBench<'_>, artifact: &Path) -> Result<(), TaskError> {
    let (tree, wheels) = (bench.folder.join("tree"), bench.folder.join("pyperformance"));
    if !wheels.exists() {
        fs_err::create_dir_all(&tree)?;
        let workspace = bench.workspace;
        workspace.read(workspace.program("tar").arg("-xf").arg(artifact).arg("-C").arg(&tree)).await?;
        let python = python(bench, &format!("{}/opt/python-{}", tree.display(), bench.version));
        let words = ["-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action=ignore", "--target"];
        let pip = workspace.program(&python).args(words).arg(&wheels).args(["pyperformance", "pyperf"]);
        workspace.read(pip).await?;
    }
    bench.copy(&wheels, SUITE).await
}

/// The best of a program's results under one interpreter, in seconds.
async fn time(bench: &BuildBench<'_>, program: &str, interpreter: &MeasuredInterpreter) -> Result<f64, TaskError> {
    let mut words = program.split(' ');
    let name = words.next().unwrap_or_default();
    let script = format!("{SUITE}/pyperformance/data-files/benchmarks/{name}/run_benchmark.py");
    let path = format!("PYTHONPATH={SUITE}");
    let command = ["env", &path, &interpreter.environment, &interpreter.program, &script];
    let result = "/root/result.json";
    let options = ["--processes=1", "--warmups=1", "--values=5", "--inherit-environ=PYTHONPATH,LD_LIBRARY_PATH", "-q"];
    bench.inside(&["rm", "-f", result]).await?;
    let words: Vec<&str> = words.collect();
    bench.inside(&[&command[..], &options, &["-o", result], &words].concat()).await?;
    let result: Value = serde_json::from_str(&bench.inside(&["cat", result]).await?).unwrap_or_default();
    best(&result).ok_or(TaskError::Silent("pyperf"))
}

/// The best over all benchmarks of a program: other work on the host only adds to a time.
fn best(result: &Value) -> Option<f64> {
    let of_one = |benchmark: &Value| {
        let runs = benchmark["runs"].as_array()?.iter().filter_map(|run| run["values"].as_array());
        runs.flatten().filter_map(Value::as_f64).min_by(f64::total_cmp)
    };
    let seconds: f64 = result["benchmarks"].as_array()?.iter().map(of_one).sum::<Option<_>>()?;
    (seconds > 0.0).then_some(seconds)
}

fn geometric(ratios: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = ratios.len() as f64;
    (ratios.map(f64::ln).sum::<f64>() / count).exp()
}

/// Half of the 95 % interval around the mean of these.
fn half_interval(values: &[f64]) -> Option<f64> {
    let student = STUDENT.get(values.len().checked_sub(2)?).unwrap_or(&2.0);
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some(student * (variance / count).sqrt())
}

/// `ratios`: by program, then by round; above 1 vmbuild's interpreter is faster.
fn report(ratios: &[Vec<f64>]) -> String {
    let rounds = ratios.first().map_or(0, Vec::len);
    let logs: Vec<f64> = (0..rounds).map(|round| geometric(ratios.iter().map(|all| all[round])).ln()).collect();
    let mean = logs.iter().sum::<f64>() / rounds as f64;
    let interval = half_interval(&logs).map_or_else(
        || "one round, so no interval".to_owned(),
        |half| format!("95 %: {:.3} to {:.3}", (mean - half).exp(), (mean + half).exp()),
    );
    let all = ratios.len();
    let head =
        format!("Speed of the plain build = 1: **{:.3}** ({interval}), {all} programs, {rounds} rounds.\n", mean.exp());
    let line = |(name, ratios): (&&str, &Vec<f64>)| {
        format!("| {} | {:.3} |\n", name.trim_start_matches("bm_"), geometric(ratios.iter().copied()))
    };
    let lines: Vec<String> = PROGRAMS.iter().zip(ratios).map(line).collect();
    format!("{head}\n| program | speed |\n|---|---:|\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::{best, half_interval, report};
    use serde_json::json;

    #[test]
    fn results_are_read_and_calibrations_are_not() {
        let result = json!({"benchmarks": [{"runs": [{"warmups": [[1, 9.0]]}, {"values": [1.0, 3.0]}]}]});
        assert_eq!(best(&result), Some(1.0));
        let two = json!({"benchmarks": [{"runs": [{"values": [3.0]}]}, {"runs": [{"values": [2.5, 2.0]}]}]});
        assert_eq!(best(&two), Some(5.0));
        assert_eq!(best(&json!({"benchmarks": []})), None);
        assert_eq!(best(&json!({})), None);
    }

    #[test]
    fn intervals_are_students() {
        assert_eq!(half_interval(&[1.0]), None);
        let half = half_interval(&[1.0, 2.0, 3.0]).expect("three values");
        assert!((half - 4.30 / 3f64.sqrt()).abs() < 1e-9, "{half}");
    }

    #[test]
    fn a_round_is_one_geometric_mean() {
        let text = report(&[vec![2.0, 2.0], vec![0.5, 0.5]]);
        assert!(
            text.starts_with("Speed of the plain build = 1: **1.000** (95 %: 1.000 to 1.000), 2 programs"),
            "{text}"
        );
        assert!(text.contains("| async_generators | 2.000 |"), "{text}");
    }
}
