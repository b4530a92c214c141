//! Several machines, their names, logs, ports and packages; a project's settings.

use crate::support::{machines, root, run, skip, store, vmbuild};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

const ONE: &str = "test-one";
const TWO: &str = "test-two";

#[test]
fn several_machines_at_once() {
    run(&["destroy", ONE]);
    run(&["destroy", TWO]);
    run(&["up", ONE, TWO, "--backend", "sandbox", "--disk", "20G"]).expect(2);
    run(&["up", ONE, TWO, "--backend", "sandbox", "--memory", "512", "--cpus", "1"]).expect(0);
    let names = run(&["list"]).expect(0).stdout;
    assert!(names.lines().any(|line| line == ONE) && names.lines().any(|line| line == TWO), "{names}");
    let json: serde_json::Value = serde_json::from_str(&run(&["list", "--json"]).expect(0).stdout).expect("JSON");
    assert!(json["machines"].as_array().expect("a list").contains(&ONE.into()), "{json}");

    let one = machines().into_iter().find(|machine| machine["name"] == ONE).expect("it is listed");
    let guest = &one["agent"]["guest"];
    assert!(guest["os"].as_str().is_some_and(|os| os.starts_with("Debian")), "{guest}");
    assert!(guest["memory_bytes"].is_u64() && guest["disk_free_bytes"].is_u64(), "{guest}");

    run(&["exec", ONE, "--", "sh", "-c", "echo kept > /root/kept"]).expect(0);
    run(&["reload", ONE]).expect(0);
    assert_eq!(run(&["exec", ONE, "--", "cat", "/root/kept"]).expect(0).stdout, "kept\n");
    let trace = fs_err::read_to_string(store().join("machines").join(ONE).join("trace.log")).expect("a trace");
    assert!(trace.matches("an agent answered over").count() >= 3, "one line a command: {trace}");
    assert!(!trace.contains(TWO), "each machine has a trace of its own: {trace}");
    run(&["halt", ONE, "no-such-machine"]).expect(2);
    run(&["exec", ONE, "--", "true"]).expect(0);
    run(&["halt", ONE]).expect(0);
    run(&["up", ONE, "--memory", "600"]).expect(0);
    let one = machines().into_iter().find(|machine| machine["name"] == ONE).expect("it is listed");
    assert_eq!((one["memory_mib"].as_u64(), one["cpus"].as_u64()), (Some(600), Some(1)));
    run(&["destroy", ONE, TWO]).expect(0);
    let names = run(&["list"]).expect(0).stdout;
    assert!(!names.contains(ONE) && !names.contains(TWO), "{names}");
}

#[test]
fn logs_ports_and_packages_of_a_machine() {
    let name = "test-ports";
    run(&["destroy", name]);
    run(&["up", name, "--backend", "sandbox"]).expect(0);
    run(&["logs", name]).expect(0);
    run(&["logs", "no-such-machine"]).expect(2);
    answers_through_a_port(name);
    run(&["provision", name]).expect(0);
    // Following ends with the machine.
    let follow = vmbuild(&["logs", "-f", name]).stdout(Stdio::null()).spawn();
    run(&["destroy", name]).expect(0);
    follow.expect("vmbuild starts").wait().expect("it ends");
}

/// A server in the guest answers each line in capitals.
pub(crate) fn answers_through_a_port(name: &str) {
    let server = "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => \"127.0.0.1\", LocalPort => 0, \
                  Listen => 5) or die; $| = 1; print $s->sockport, \"\\n\"; \
                  while ($c = $s->accept) { $l = <$c>; print $c uc $l; close $c }'";
    let mut serving =
        vmbuild(&["exec", name, "--", "sh", "-c", server]).stdout(Stdio::piped()).spawn().expect("starts");
    let mut guest_port = String::new();
    BufReader::new(serving.stdout.take().expect("piped")).read_line(&mut guest_port).expect("the server's port");
    let ports = format!("0:{}", guest_port.trim());
    let mut forward = vmbuild(&["port", name, &ports]).stderr(Stdio::piped()).spawn().expect("vmbuild starts");
    let mut said = BufReader::new(forward.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("where it listens");
    let address = line.split_whitespace().find(|word| word.starts_with("127.0.0.1:")).expect("an address").to_owned();
    for _ in 0..3 {
        let mut client = TcpStream::connect(&address).expect("it listens");
        client.write_all(b"question\n").expect("it takes it");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it answers");
        assert_eq!(answer, "QUESTION\n");
    }
    for child in [&forward, &serving] {
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    }
    assert_eq!(forward.wait().expect("it ends").code(), Some(130));
    assert_eq!(serving.wait().expect("it ends").code(), Some(130));
    assert!(TcpStream::connect(&address).is_err(), "nobody listens any more");
}

#[test]
fn a_projects_settings_count_and_say_so() {
    let project = root().join("target/test-project");
    fs_err::create_dir_all(project.join("below")).expect("a folder");
    let file = project.join("vmbuild.toml");
    fs_err::write(&file, "schema = 1\nmemory = 700\n").expect("a file");
    let config = |variable: &str| {
        let mut command = vmbuild(&["config", "--cpus", "2", "--json"]);
        let ran = command
            .env_remove("VMBUILD_IMAGE")
            .current_dir(project.join("below"))
            .env("VMBUILD_JOBS", variable)
            .output()
            .expect("it runs");
        (
            ran.status.code(),
            String::from_utf8_lossy(&ran.stdout).into_owned(),
            String::from_utf8_lossy(&ran.stderr).into_owned(),
        )
    };
    let (code, stdout, stderr) = config("3");
    assert_eq!(code, Some(0), "{stderr}");
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let from = |key: &str| {
        let setting = document["settings"].as_array().expect("a list").iter().find(|setting| setting["key"] == key);
        let setting = setting.expect("every setting is shown");
        format!("{} {}", setting["value"].as_str().unwrap_or("-"), setting["from"].as_str().expect("a text"))
    };
    assert_eq!(from("memory"), format!("700 {}:2", file.display()));
    assert_eq!(from("cpus"), "2 command line");
    assert_eq!(from("jobs"), "3 environment: VMBUILD_JOBS");
    assert_eq!(from("image"), "ubuntu-22.04 default");

    fs_err::write(&file, "schema = 1\n\nmemroy = 700\n").expect("a file");
    let (code, _, stderr) = config("3");
    assert_eq!(code, Some(2));
    assert!(stderr.contains("vmbuild.toml:3: unknown setting `memroy`"), "{stderr}");
    assert!(stderr.contains("did you mean `memory`?"), "{stderr}");
}

#[test]
fn the_doctor_shows_what_it_will_run_and_says_truly_what_came_of_it() {
    if !rustix::process::geteuid().is_root() {
        return skip("doctor --fix", "it installs packages, which needs root");
    }
    // A path on which everything is but one program, whose package is installed: apt-get has nothing to do.
    let path = root().join("target/test-path");
    let _ = fs_err::remove_dir_all(&path);
    fs_err::create_dir_all(&path).expect("a folder");
    for folder in ["/usr/bin", "/usr/sbin"] {
        for entry in fs_err::read_dir(folder).expect("a folder").flatten().filter(|it| it.file_name() != "qemu-img") {
            // A program in both is the same one.
            let _ = std::os::unix::fs::symlink(entry.path(), path.join(entry.file_name()));
        }
    }
    let ran = vmbuild(&["doctor", "--fix"]).env("PATH", &path).output().expect("it runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let command = "apt-get install --yes --no-install-recommends qemu-utils";
    assert!(stderr.contains(&format!("will run: {command}")), "{stderr}");
    assert_eq!(ran.status.code(), Some(3), "it is still not on the path: {stdout}");
    assert!(stdout.contains("FAIL  qemu-img"), "{stdout}");
}
