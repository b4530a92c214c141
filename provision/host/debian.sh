#!/bin/bash
# Installs what vmbuild needs on a Debian or Ubuntu host, and only what is missing.
#
#   provision/host/debian.sh          what building and running needs
#   provision/host/debian.sh test     that, and what only tests need
#
# Quick when nothing is missing: no package lists are fetched then. Root, or sudo for apt alone.
set -euo pipefail

readonly run_packages=(
    apt                    # names the package archive that this host uses
    binutils               # readelf: proves that the agent is static
    build-essential        # a linker and the static C library, for the agent
    busybox-static         # a shell inside initramfs images
    ca-certificates        # sources are fetched over https
    cpio                   # makes initramfs images
    debian-archive-keyring # base images are verified against it
    e2fsprogs              # mke2fs makes disks of directory trees
    mmdebstrap             # makes base images
    uidmap                 # ordinary users map users and groups
    xz-utils               # sources and packages are compressed with it
)
readonly test_packages=(
    dnsmasq-base          # libvirt's networks, for the Vagrant backend's test
    gdb                   # finds debug info by build id
    gnupg                 # signs what the tests verify
    grub-pc-bin           # makes exported disks boot
    iptables              # the same
    libvirt-clients       # says what libvirt has
    libvirt-daemon-system # what Vagrant's machines run in
    mtools                # reads the seed that first boots are given
    openssh-server        # answers to what is tried over SSH; the tests start one of their own
    ovmf                  # UEFI firmware, for boot loaders
    python3-venv          # holds the tools that read what is said about an artifact
    skopeo                # reads exported container images
    umoci                 # unpacks them
    vagrant               # validates the Vagrantfile, reads exported boxes
    vagrant-libvirt       # starts them
)

fail() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 3
}

installed_version() {
    local status_and_version
    status_and_version=$(dpkg-query --show --showformat='${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 0
    [[ $status_and_version == installed\ * ]] && printf '%s\n' "${status_and_version#installed }"
    return 0
}

as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        fail "installing packages needs root, and there is no sudo" "as root, run: $0"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

qemu_package() {
    case $(dpkg --print-architecture) in
        amd64) echo qemu-system-x86 ;;
        arm64) echo qemu-system-arm ;;
        *) fail "vmbuild runs on amd64 and arm64 hosts" "this one is $(dpkg --print-architecture)" ;;
    esac
}

missing_of() {
    local package
    for package in "$@"; do
        [[ -n $(installed_version "$package") ]] || printf '%s\n' "$package"
    done
}

offers() {
    apt-cache madison "$1" | awk -F '|' -v want="$2" '{ gsub(/ /, "", $2) } $2 == want { found = 1 } END { exit !found }'
}

candidate() {
    apt-cache policy "$1" | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# qemu-utils and qemu-system of different releases exclude each other, and a machine may carry a newer qemu-utils
# than its archive has. apt would then remove one to install the other. So both are asked for by one version.
install_qemu() {
    local system=$1 version
    version=$(installed_version "$system")
    [[ -n $version ]] || version=$(candidate "$system")
    [[ -n $version ]] || fail "this host's package archive has no $system" "enable the archive's main component"
    if offers qemu-utils "$version"; then
        apt_install --allow-downgrades "$system=$version" "qemu-utils=$version"
    else
        apt_install "$system" qemu-utils
    fi
}

main() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        fail "this host has no apt: vmbuild's set-up knows Debian and Ubuntu only" \
            "install by other means what \`vmbuild doctor\` lists"
    fi
    local wanted=("${run_packages[@]}") system missing qemu_missing
    case ${1-run} in
        run) ;;
        test) wanted+=("${test_packages[@]}") ;;
        *) fail "unknown set \`$1\`" "use: $0 [test]" ;;
    esac
    system=$(qemu_package)
    mapfile -t missing < <(missing_of "${wanted[@]}")
    mapfile -t qemu_missing < <(missing_of "$system" qemu-utils)
    ((${#missing[@]} + ${#qemu_missing[@]} > 0)) || return 0
    printf 'installing: %s\n' "${missing[*]} ${qemu_missing[*]}" >&2
    as_root apt-get update --quiet
    ((${#qemu_missing[@]} == 0)) || install_qemu "$system"
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
}

main "$@"
