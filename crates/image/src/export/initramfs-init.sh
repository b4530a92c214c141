#!/bin/busybox sh
# First process of an exported disk: loads the modules it needs, finds the root file system by the kernel's `root=`,
# and hands over to what the root file system starts with.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
export PATH=/bin

fail() {
    echo "initramfs: $1"
    echo "initramfs: a shell to look around; 'exit' reboots"
    setsid cttyhack sh
    reboot -f
}

while read -r module; do
    insmod "/modules/$module" || echo "initramfs: $module does not load"
done </modules/order

for word in $(cat /proc/cmdline); do
    case $word in
        root=*) root=${word#root=} ;;
        init=*) init=${word#init=} ;;
    esac
done
[ -n "$root" ] || fail "the kernel's command line has no root="

# A disk may take a moment to appear.
tries=0
until device=$(case $root in UUID=* | LABEL=*) findfs "$root" 2>/dev/null ;; *) [ -b "$root" ] && echo "$root" ;; esac); do
    tries=$((tries + 1))
    [ "$tries" -le 100 ] || fail "there is no $root; is the disk attached with if=virtio?"
    sleep 0.1
done
mount -t ext4 -o rw "$device" /newroot || fail "$device cannot be mounted"

if [ -z "$init" ]; then
    init=/usr/sbin/vmbuild-init
    for path in /sbin/init /usr/sbin/init; do
        # A link may be absolute: it is looked up in the new root.
        if chroot /newroot /bin/sh -c "[ -x $path ]"; then init=$path; fi
    done
fi
for folder in proc sys dev; do
    mount -o move "/$folder" "/newroot/$folder"
done
if [ "$init" = /usr/sbin/vmbuild-init ]; then
    # The tree may have no mount program to do this itself.
    mkdir -p /newroot/dev/pts /newroot/dev/shm
    mount -t devpts -o mode=620,gid=5 devpts /newroot/dev/pts
    mount -t tmpfs -o mode=1777 shm /newroot/dev/shm
    mount -t tmpfs -o mode=755 run /newroot/run
    mount -t tmpfs -o mode=1777 tmp /newroot/tmp
fi
exec switch_root /newroot "$init"
