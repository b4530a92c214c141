//! Prints a recipe as a shell script, to try one by hand: `cargo run -p vmbuild-cpython --example recipe -- 3.13.5
//! release /build/Python-3.13.5.tar.xz 2`.

use std::io::Write;
use vmbuild_cpython::{Extent, GuestSpeed, Profile, ProfileSource, RecipeInput, Version, recipe};
use vmbuild_protocol::{Action, CommandLine, Step};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [version, profile, source, jobs] = arguments.as_slice() else {
        return Err("expected four arguments: VERSION PROFILE SOURCE JOBS".into());
    };
    let (version, profile): (Version, Profile) = (version.parse()?, profile.parse()?);
    let (source, jobs, guest_speed) = (source.clone(), jobs.parse()?, GuestSpeed::Native);
    let made = recipe(&RecipeInput {
        version,
        profile,
        jobs,
        source,
        guest_speed,
        counts: ProfileSource::Trained,
        extent: Extent::Full,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "set -eu\nmkdir -p /build/log")?;
    for step in &made.steps.steps {
        writeln!(out, "{}", script(step))?;
    }
    Ok(())
}

fn script(step: &Step) -> String {
    match &step.action {
        Action::Run { command, .. } => run(&step.name, command),
        Action::Write { path, contents, mode } => {
            format!("cat > {path} <<'END_OF_FILE'\n{contents}END_OF_FILE\nchmod {mode:o} {path}")
        }
        Action::RequireFiles { under, suffix, at_least, otherwise } => {
            format!(
                "test $(find {under} -name '*{suffix}' | wc -l) -ge {at_least} || {{ echo '{otherwise}'; exit 1; }}"
            )
        }
    }
}

fn run(name: &str, command: &CommandLine) -> String {
    let quote = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
    let env: Vec<String> = command.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let argv: Vec<String> = command.argv.iter().map(quote).collect();
    format!(
        "cd {}\nstart=$(date +%s)\nenv {} {} > /build/log/{name}.log 2>&1 </dev/null\necho {name} $(( $(date +%s) - start )) s",
        command.cwd,
        env.join(" "),
        argv.join(" ")
    )
}
