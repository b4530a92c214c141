#!/bin/bash
# Runs in the Vagrant machine, as root: installs the packages of the given list, no others and no upgrades.
#
#   provision.sh <packages.toml>
set -euo pipefail

readonly list=$1

# The package names of one key: `key = [`, one quoted name a line, `]`.
names_of() {
    awk -v key="$1" '
        $0 ~ "^" key " *= *\\[" { inside = 1; next }
        inside && /^\]/ { exit }
        inside && /^ *"/ { split($0, part, "\""); print part[2] }
    ' "$list"
}

packages=()
for key in toolchain cpython runtime; do
    mapfile -t names < <(names_of "$key")
    if ((${#names[@]} == 0)); then
        printf "error: %s lists no packages under %s\n" "$list" "$key" >&2
        exit 1
    fi
    packages+=("${names[@]}")
done

# A machine that has them all needs no archive: a box made of a golden machine, or a second `vagrant provision`.
missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    printf '%s packages of %s are installed already\n' "${#packages[@]}" "$(basename "$list")"
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
# A fresh box refreshes its own package lists at boot and holds the lock meanwhile.
apt-get -o DPkg::Lock::Timeout=300 update --quiet
apt-get -o DPkg::Lock::Timeout=300 install --yes --quiet --no-install-recommends "${missing[@]}"
printf '%s packages of %s are installed\n' "${#packages[@]}" "$(basename "$list")"
