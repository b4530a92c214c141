//! Attestations of an artifact, read by third-party tools: SPDX's own validator and in-toto's own bindings.

use crate::support::{root, skip};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Reads a statement and its predicate as the published protocol buffers say they are; nothing unknown is passed over.
const CHECK_STATEMENT: &str = "
import json, sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement, statement_pb2
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
text = open(sys.argv[1]).read()
read = json_format.Parse(text, statement_pb2.Statement())
statement.Statement.copy_from_pb(read).validate()
json_format.ParseDict(json.loads(text)['predicate'], provenance_pb2.Provenance())
";

/// The tools, in an environment of their own, made once; a reason if they cannot be had.
fn tools() -> Result<PathBuf, String> {
    let folder = root().join("target/test-tools/papers");
    let program = |name: &str| folder.join("bin").join(name).to_string_lossy().into_owned();
    if !folder.join("ready").is_file() {
        said(&["python3", "-m", "venv", "--clear", &folder.to_string_lossy()])?;
        let wanted = ["spdx-tools==0.8.5", "in-toto-attestation==0.9.3"];
        said(&[&[program("pip").as_str(), "install", "--quiet"], &wanted[..]].concat())?;
        fs_err::write(folder.join("ready"), "").map_err(|error| error.to_string())?;
    }
    Ok(folder.join("bin"))
}

#[expect(clippy::disallowed_methods, reason = "the independent tools a user would take")]
fn said(argv: &[&str]) -> Result<(), String> {
    let ran = std::process::Command::new(argv[0]).args(&argv[1..]).output().map_err(|error| error.to_string())?;
    let said = || format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if ran.status.success() { Ok(()) } else { Err(format!("{}: {}", argv.join(" "), said().trim())) }
}

/// Both papers of an artifact hold up before tools that are not ours.
pub(crate) fn independent_tools_accept(folder: &Path, name: &str) {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(reason) => return skip("independent_tools_accept", &reason),
    };
    let (spdx, python) = (tools.join("pyspdxtools"), tools.join("python3"));
    let file = |end: &str| folder.join(format!("{name}{end}")).to_string_lossy().into_owned();
    let sbom = said(&[&spdx.to_string_lossy(), "-i", &file(".spdx.json")]);
    assert_eq!(sbom, Ok(()), "the bill of materials");
    let statement = said(&[&python.to_string_lossy(), "-c", CHECK_STATEMENT, &file(".provenance.json")]);
    assert_eq!(statement, Ok(()), "the provenance");
    // A validator that accepts everything proves nothing.
    let spoiled = fs_err::read_to_string(file(".spdx.json")).expect("reading").replacen("SPDX-2.3", "SPDX-9.9", 1);
    let bad = root().join("target/test-tools/spoiled.spdx.json");
    fs_err::write(&bad, spoiled).expect("writing");
    assert!(said(&[&spdx.to_string_lossy(), "-i", &bad.to_string_lossy()]).is_err(), "a spoiled one is refused");
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs_err::read_to_string(path).expect("a readable file")).expect("JSON")
}

/// The attestations are true.
pub(crate) fn papers_say_what_is_so(folder: &Path, name: &str) {
    let beside = |end: &str| json(&folder.join(format!("{name}{end}")));
    let (record, sbom, statement) = (beside(".build.json"), beside(".spdx.json"), beside(".provenance.json"));
    assert_eq!(record["sha256"], statement["subject"][0]["digest"]["sha256"]);
    let packages = sbom["packages"].as_array().expect("packages");
    let named = |name: &str| packages.iter().find(|package| package["name"] == name);
    assert_eq!(record["sha256"], named("cpython").expect("the artifact")["checksums"][0]["checksumValue"]);
    assert_eq!(record["info"]["source_sha256"], named("CPython").expect("its source")["checksums"][0]["checksumValue"]);
    for expected in ["pip", "expat", "mpdecimal"] {
        assert!(named(expected).is_some(), "{expected} is in CPython's source");
    }
    every_library_has_a_package(&record, packages);
    let verified_options = &record["info"]["took_effect"];
    assert_eq!(
        (&verified_options["libpython"], &verified_options["libffi"]["package"]["name"]),
        (&"shared".into(), &"libffi8".into())
    );
    every_named_paper_is_there(folder, &record);
}

fn every_library_has_a_package(record: &Value, packages: &[Value]) {
    let installed = record["info"]["packages"].as_array().expect("the machine's packages");
    for expected in ["libc6", "libffi8", "libssl3", "zlib1g", "libsqlite3-0", "liblzma5", "libbz2-1.0"] {
        let found = packages.iter().find(|package| package["name"] == expected);
        let version = installed.iter().find(|package| package["name"] == expected).map(|package| &package["version"]);
        assert_eq!(found.map(|package| &package["versionInfo"]), version, "{expected}");
    }
    let unknown =
        packages.iter().filter(|package| package["comment"].as_str().is_some_and(|said| said.starts_with("no ")));
    assert_eq!(unknown.count(), 0, "every library has a package");
}

/// The record names them with their digests, those among the logs too.
fn every_named_paper_is_there(folder: &Path, record: &Value) {
    for paper in ["sbom", "provenance", "packages", "package_lock"] {
        let paper = &record["papers"][paper];
        let path = folder.join(paper["file"].as_str().expect("a file's name"));
        let (_, sha256) = vmbuild_archive::sha256_file(&path).expect("it is there");
        assert_eq!(paper["sha256"], vmbuild_archive::Sha256::from(sha256).to_string(), "{}", path.display());
    }
    assert!(folder.join(record["papers"]["logs"].as_str().expect("a folder")).is_dir());
}

/// Two artifacts with the same bytes have the same bill of materials.
pub(crate) fn equal_artifacts_have_equal_bills(folder: &Path, one: &str, other: &str) {
    let read = |name: &str| fs_err::read_to_string(folder.join(format!("{name}.spdx.json"))).expect("a bill");
    assert_eq!(read(one), read(other));
}
