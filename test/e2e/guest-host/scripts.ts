import { programPath } from "../../../src/kit/subprocess.ts";

/** Where the disk has what is tested, laid out as in the repository. */
export const guestProject = "/duet";
/** Bundle of the tests, as deep in the project as its sources are. */
export const guestEntry = `${guestProject}/test/e2e/guest-host/inside.mjs`;
export const guestNode = `${guestProject}/node`;

/** In a guest whose host has it, containers are tried under AppArmor, too. */
export const profileParser = "/usr/sbin/apparmor_parser";

/** Line that ends the report, with the exit code of the tests. */
export const endWords = "guest-host: the tests ended with code";

/** First program of the kernel: loads the modules, then makes the disk the root. */
export const loaderScript = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod "$module"; done
$b mount -t ext4 /dev/vda /root && $b mount --move /dev /root/dev && exec $b switch_root /root /init
echo "the guest has no root"
$b reboot -f
`;

/** First program on the disk: mounts what an init does on a host that has cgroup version 2 alone. */
export const initScript = `#!/bin/busybox sh
export PATH=${programPath} HOME=/root LANG=C.UTF-8 NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t securityfs security /sys/kernel/security
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
ip link set lo up
${guestNode} --test-reporter=tap ${guestEntry} </dev/null
echo "${endWords} $?"
reboot -f
`;
