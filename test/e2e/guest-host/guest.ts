import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findQemu } from "../../../src/drivers/runtime-qemu/host.ts";
import type { GuestKernel } from "../../../src/drivers/runtime-qemu/kernel.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { makeDisk, makeInitramfs } from "./disk.ts";

const entry = resolve(import.meta.dirname, "inside.ts");

/** The runtime's own parameters, without its `quiet`: a panic of the guest has to be seen. */
const parameters =
  "console=ttyS0 loglevel=1 panic=-1 mitigations=off lsm=apparmor apparmor=1 audit=0 cgroup_no_v1=all rcupdate.rcu_expedited=1 no_timer_check random.trust_cpu=on";

/**
 * Boots `kernel` on a disk with this repository's tests and gives back all that the guest printed
 * once it has ended. Emulated, so that it needs nothing of this host; nothing is shared with it.
 */
export async function runInGuest(kernel: GuestKernel, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "duet-guest-"));
  try {
    const qemu = await findQemu(signal);
    const [disk, initramfs] = await Promise.all([
      makeDisk(entry, folder, signal),
      makeInitramfs(kernel, folder, signal),
    ]);
    const options = qemuOptions(kernel.image, initramfs, disk);
    const { stdout } = await run(qemu.path, options, { signal, maxOutput: 16 << 20 });
    return stdout.toString("utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}

function qemuOptions(kernel: string, initramfs: string, disk: string): readonly string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-machine", "q35,usb=off,smbus=off,sata=off,vmport=off,hpet=off"],
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "768"],
    ...["-kernel", kernel, "-initrd", initramfs, "-append", parameters],
    ...["-drive", `file=${disk},format=raw,if=none,id=disk,cache=unsafe`],
    ...["-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"],
  ];
}
