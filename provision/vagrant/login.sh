#!/bin/sh
# Runs as root in the tree that becomes a box, after the packages have been installed: what Vagrant's log-in needs.
#
#   sh login.sh <the well-known public key>
set -e

# The user, with a password that nothing is hidden behind: everybody knows the key's private half too.
useradd --create-home --shell /bin/bash vagrant
echo vagrant:vagrant | chpasswd
install -d -m 0700 -o vagrant -g vagrant ~vagrant/.ssh
printf '%s\n' "$1" >~vagrant/.ssh/authorized_keys
chown vagrant:vagrant ~vagrant/.ssh/authorized_keys
chmod 0600 ~vagrant/.ssh/authorized_keys
printf 'vagrant ALL=(ALL:ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/vagrant
chmod 0440 /etc/sudoers.d/vagrant

# Any network card gets its address from the network.
cat >/etc/systemd/network/80-dhcp.network <<'END'
[Match]
Name=en* eth*

[Network]
DHCP=yes

[DHCPv4]
ClientIdentifier=mac
END
systemctl enable systemd-networkd.service

# Each machine makes host keys of its own at its first start, and a machine id. No RSA key: an emulated processor would look
# for its primes for a long time.
rm -f /etc/ssh/ssh_host_*
cat >/etc/systemd/system/ssh-host-keys.service <<'END'
[Unit]
Description=Host keys for the SSH server
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
ExecStart=/usr/bin/ssh-keygen -q -t ecdsa -N "" -f /etc/ssh/ssh_host_ecdsa_key

[Install]
WantedBy=multi-user.target
END
systemctl enable ssh-host-keys.service ssh.service
printf 'UseDNS no\n' >/etc/ssh/sshd_config.d/vmbuild.conf
: >/etc/machine-id

# QEMU finds a translation again by the address it was made for: where every process has its libraries somewhere else, every
# process is translated anew. Under KVM (`systemd-detect-virt` says kvm, not qemu) addresses stay random.
cat >/etc/systemd/system/translated.service <<'END'
[Unit]
Description=The same addresses for all processes
ConditionVirtualization=qemu
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo 0 >/proc/sys/kernel/randomize_va_space'

[Install]
WantedBy=sysinit.target
END
systemctl enable translated.service

# Nothing waits for what the box does not have: other consoles, timers that fetch lists of packages.
systemctl disable systemd-networkd-wait-online.service getty@tty1.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer
