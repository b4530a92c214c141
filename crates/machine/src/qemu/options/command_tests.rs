//! Whole command lines, as people would read them.

use super::platform::{Arch, HostOs, Platform};
use super::{QemuCommand, RunParameters, TscRate, VsockDevice};
use crate::{Accelerator, BootMethod, FirstBootSystem, Lifetime, MachineSpec, Network, RootDisk, StartSource};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn root() -> RootDisk {
    let file = |name: &str| PathBuf::from("/store/images/debian-12/ab12").join(name);
    RootDisk {
        disk: file("root.ext4"),
        kernel: file("vmlinuz"),
        initramfs: file("initramfs"),
        digest: "ab12".to_owned(),
    }
}

fn spec(network: Network, lifetime: Lifetime, accelerator: Accelerator) -> MachineSpec {
    MachineSpec {
        name: "job-0a1b2c3d".parse().expect("a good name"),
        image: "debian-12".to_owned(),
        cpus: 4,
        memory_mib: 4096,
        network,
        lifetime,
        agent: "/usr/lib/vmbuild/vmbuild-agent".into(),
        start: StartSource::Qemu { accelerator, root: root() },
    }
}

const RUN: RunParameters = RunParameters {
    uuid: uuid::Uuid::from_u128(7),
    clock: Duration::new(1_700_000_000, 5),
    tsc: Some(TscRate { khz: 2_445_428 }),
    vsock: None,
};

/// One switch and its value to a line.
fn lines(command: &QemuCommand) -> String {
    let words = command.arguments();
    let mut text = String::new();
    for word in words.iter().map(|word| word.to_str().expect("the examples are text")) {
        text.push_str(if word.starts_with('-') { "\n" } else { " " });
        text.push_str(word);
    }
    text.trim_start().to_owned()
}

fn machine(spec: &MachineSpec, accelerator: Accelerator, platform: Platform) -> String {
    lines(&QemuCommand::for_machine(spec, accelerator, &root(), RUN, platform))
}

#[test]
fn job_under_tcg() {
    let spec = spec(Network::None, Lifetime::Job, Accelerator::Tcg);
    insta::assert_snapshot!(machine(&spec, Accelerator::Tcg, Platform { arch: Arch::X86_64, host: HostOs::Linux }));
}

#[test]
fn named_machine_with_network_under_kvm() {
    let spec = spec(Network::Outgoing, Lifetime::Named, Accelerator::Kvm);
    insta::assert_snapshot!(machine(&spec, Accelerator::Kvm, Platform { arch: Arch::X86_64, host: HostOs::Linux }));
}

#[test]
fn job_under_hvf_on_apple_silicon() {
    let spec = spec(Network::None, Lifetime::Job, Accelerator::Hvf);
    insta::assert_snapshot!(machine(&spec, Accelerator::Hvf, Platform { arch: Arch::Aarch64, host: HostOs::MacOs }));
}

fn first_boot(boot: BootMethod, platform: Platform) -> String {
    let spec = spec(Network::Outgoing, Lifetime::Job, Accelerator::Tcg);
    let system = FirstBootSystem {
        disk: "/store/cloud/00ff/disk.qcow2".into(),
        digest: "00ff".to_owned(),
        bytes: 8 << 30,
        seed: "/store/images/ubuntu-22.04/.new-ab12/seed.img".into(),
        boot,
    };
    let command = QemuCommand::for_first_boot(&spec, Accelerator::Tcg, &system, RUN, platform);
    let differs = |line: &&str| {
        ["-kernel", "-initrd", "-append", "-drive", "-blockdev", "-device virtio-blk"]
            .iter()
            .any(|it| line.starts_with(it))
    };
    lines(&command).lines().filter(differs).collect::<Vec<_>>().join("\n")
}

#[test]
fn first_boot_by_its_own_kernel() {
    let boot = BootMethod::Kernel {
        kernel: "/store/vmlinuz".into(),
        initrd: "/store/initrd".into(),
        cmdline: "root=PARTUUID=1 ro".to_owned(),
    };
    insta::assert_snapshot!(first_boot(boot, Platform { arch: Arch::X86_64, host: HostOs::Linux }));
}

#[test]
fn first_boot_by_firmware() {
    let boot = BootMethod::Uefi {
        code: "/usr/share/AAVMF/AAVMF_CODE.fd".into(),
        vars: "/usr/share/AAVMF/AAVMF_VARS.fd".into(),
    };
    insta::assert_snapshot!(first_boot(boot, Platform { arch: Arch::Aarch64, host: HostOs::Linux }));
    insta::assert_snapshot!(first_boot(BootMethod::Bios, Platform { arch: Arch::X86_64, host: HostOs::Linux }));
}

#[test]
fn first_boot_under_homebrews_firmware() {
    let folder = Path::new("/opt/homebrew/share/qemu");
    let boot = BootMethod::Uefi { code: folder.join("edk2-aarch64-code.fd"), vars: folder.join("edk2-arm-vars.fd") };
    let lines = first_boot(boot, Platform { arch: Arch::Aarch64, host: HostOs::MacOs });
    let flash: Vec<_> = lines.lines().filter(|line| line.starts_with("-drive")).collect();
    insta::assert_snapshot!(flash.join("\n"), @r"
    -drive if=pflash,format=raw,unit=0,file=/opt/homebrew/share/qemu/edk2-aarch64-code.fd,readonly=on
    -drive if=pflash,format=raw,unit=1,file=vars.fd,readonly=off
    ");
}

#[test]
fn jobs_on_arm_under_kvm_and_tcg_differ_in_the_board() {
    let of = |accelerator| {
        let spec = spec(Network::None, Lifetime::Job, accelerator);
        let lines = machine(&spec, accelerator, Platform { arch: Arch::Aarch64, host: HostOs::Linux });
        let board = |line: &&str| ["-machine", "-accel", "-cpu", "-append"].iter().any(|name| line.starts_with(name));
        lines.lines().filter(board).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(format!("{}\n\n{}", of(Accelerator::Kvm), of(Accelerator::Tcg)));
}

#[test]
fn what_vsock_adds() {
    let spec = spec(Network::None, Lifetime::Job, Accelerator::Tcg);
    let of = |vsock| {
        let run = RunParameters { vsock, ..RUN };
        lines(&QemuCommand::for_machine(
            &spec,
            Accelerator::Tcg,
            &root(),
            run,
            Platform { arch: Arch::X86_64, host: HostOs::Linux },
        ))
    };
    let without = of(None);
    let added = |vsock| {
        let with = of(Some(vsock));
        let new =
            with.lines().filter(|line| !without.lines().any(|known| known == *line) && !line.starts_with("-append"));
        new.collect::<Vec<_>>().join("\n")
    };
    let kernel = added(VsockDevice::Kernel { cid: 1_234_567, fd: 21 });
    insta::assert_snapshot!(format!("{kernel}\n\n{}", added(VsockDevice::VhostUser)));
    assert!(of(Some(VsockDevice::VhostUser)).contains(" vmbuild.vsock=30306") && !without.contains("vsock"));
}

#[test]
fn probe_of_kvm() {
    let command = QemuCommand::for_probe(
        Accelerator::Kvm,
        Path::new("/store/vmlinuz"),
        Path::new("/store/initramfs"),
        Platform { arch: Arch::X86_64, host: HostOs::Linux },
    );
    insta::assert_snapshot!(lines(&command));
}

#[test]
fn a_comma_in_a_path_stays_in_its_value() {
    let spec = spec(Network::None, Lifetime::Job, Accelerator::Tcg);
    let root = RootDisk { disk: "/a,b/root,read-only=off.ext4".into(), ..root() };
    let command = QemuCommand::for_machine(
        &spec,
        Accelerator::Tcg,
        &root,
        RUN,
        Platform { arch: Arch::X86_64, host: HostOs::Linux },
    )
    .arguments();
    let expect = "driver=file,node-name=base-file,filename=/a,,b/root,,read-only=off.ext4,read-only=on";
    assert!(command.iter().any(|word| word == expect), "{command:?}");
}
