#!/bin/busybox sh
# PID 1 of the initrd: finds the disk with the serial number "root" and hands over to the init on it.
b=/bin/busybox
fail() {
	$b echo "lab: cannot boot: $*"
	$b poweroff -f
}
disk() {
	for d in /sys/block/*; do
		[ "$($b cat "$d/serial" 2>/dev/null)" = root ] && $b echo "/dev/${d##*/}" && return
	done
	return 1
}
$b mount -t proc proc /proc && $b mount -t sysfs sys /sys && $b mount -t devtmpfs dev /dev || fail "no /proc, /sys and /dev"
if $b grep -qw lab.probe /proc/cmdline; then
	$b echo "lab: probed"
	$b poweroff -f
fi
while read -r module; do
	$b insmod "/modules/$module" || fail "cannot load $module"
done </modules/order
tries=0
until root=$(disk); do
	tries=$((tries + 1))
	[ $tries -lt 600 ] || fail "no disk after a minute"
	$b usleep 100000
done
$b mount -t ext4 -o rw,noatime "$root" /root || fail "cannot mount $root"
$b mount --move /dev /root/dev && $b umount /proc /sys || fail "cannot leave the initrd"
exec $b switch_root /root /sbin/init
