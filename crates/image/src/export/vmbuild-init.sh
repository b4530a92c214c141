#!/bin/sh
# First process of a disk exported by vmbuild, where the tree has no init system: opens a root shell on every console.
# When the shell on the last one ends, the machine powers off. The initramfs has mounted what programs expect.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root TERM="${TERM:-linux}" LANG=C.UTF-8

echo vmbuild >/proc/sys/kernel/hostname
# Only what matters is worth a line on the console from here on.
echo 3 >/proc/sys/kernel/printk

shell() {
    setsid --ctty --wait "$(command -v bash || echo /bin/sh)" -l <"/dev/$1" >"/dev/$1" 2>&1
}
cd /root || cd /

# The kernel lists its consoles; the last one is /dev/console.
for console in $(cat /sys/class/tty/console/active); do
    [ "$console" != tty0 ] || console=tty1
    if [ -n "$last" ]; then
        (while :; do shell "$last"; done) &
    fi
    last=$console
    echo "vmbuild: @NAME@ is up: root shell on $console; leaving the last one powers off" >"/dev/$console"
done
shell "$last"

# To the disk, read-only, off: by the kernel, as there may be no program for it. Each is done when the next is read.
sync
for key in s u o; do
    echo "$key" >/proc/sysrq-trigger
    sleep 1
done
while :; do sleep 1; done
