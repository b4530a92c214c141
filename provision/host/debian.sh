#!/bin/bash
# Installs the packages that vmbuild needs on a Debian or Ubuntu host, if they are missing.
#
#   provision/host/debian.sh          packages for building and running
#   provision/host/debian.sh test     these, and packages that only tests need
#
# Fast if nothing is missing: package lists are not fetched then. Runs as root, or uses sudo for apt alone.
set -euo pipefail

readonly run_packages=(
    apt                    # names the package archive that this host uses
    binutils               # readelf: proves that the agent is static
    build-essential        # linker and static C library, for the agent
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
    iptables              # libvirt's networks, too
    libvirt-clients       # queries libvirt
    libvirt-daemon-system # runs Vagrant's machines
    mtools                # reads the seed that first boots are given
    openssh-server        # SSH server, which the tests start themselves
    ovmf                  # UEFI firmware, for boot loaders
    python3-venv          # installs tools that read an artifact's evidence
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
        fail "installing packages needs root, and sudo is not installed" "run as root: $0"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

qemu_package() {
    case $(dpkg --print-architecture) in
        amd64) echo qemu-system-x86 ;;
        arm64) echo qemu-system-arm ;;
        *) fail "unsupported architecture \`$(dpkg --print-architecture)\`" "vmbuild runs on amd64 and arm64 hosts" ;;
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
# than its archive has. apt would then remove one to install the other. So both are requested with one version.
install_qemu() {
    local system=$1 version
    version=$(installed_version "$system")
    [[ -n $version ]] || version=$(candidate "$system")
    [[ -n $version ]] || fail "package \`$system\` not found in this host's package archive" "enable the archive's main component"
    if offers qemu-utils "$version"; then
        apt_install --allow-downgrades "$system=$version" "qemu-utils=$version"
    else
        apt_install "$system" qemu-utils
    fi
}

main() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        fail "apt not found: this script supports Debian and Ubuntu only" \
            "install the tools that \`vmbuild doctor\` lists by other means"
    fi
    local wanted=("${run_packages[@]}") system missing qemu_missing
    case ${1-run} in
        run) ;;
        test) wanted+=("${test_packages[@]}") ;;
        *) fail "unknown package set \`$1\`" "usage: $0 [test]" ;;
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
