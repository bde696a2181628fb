import { chmod, chown, stat } from "node:fs/promises";
import type { WorkloadMount, WorkloadSpec } from "../../domain/runtime.ts";
import type { BlockDisk } from "../../domain/snapshot.ts";
import type { Field, WorkloadLink } from "../../domain/shim.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { diskNode } from "./command-line.ts";
import { mount } from "./jail.ts";
import type { Machine } from "./machine.ts";
import type { HostSocket } from "./sockets.ts";
import { readBacking } from "./qcow2.ts";
import { Qmp } from "./qmp.ts";

const overlayInside = "/disk/overlay";
const baseNode = "base";
const backingInside = "/disk/base";

/**
 * Gives a running VM its workload's disk in the place of the placeholder: the files become visible in
 * QEMU's tree, the disk's node is added, the device's node is re-pointed at it, and the guest is told
 * of the new size. No device is plugged.
 */
export async function assignDisk(
  machine: Machine,
  disk: BlockDisk,
  signal: AbortSignal,
): Promise<void> {
  const opening = Qmp.open(machine.monitor, signal);
  opening.catch(() => undefined);
  const backing = await backingOf(disk);
  await chown(disk.path, machine.uid, machine.uid);
  const files = [mount("bind", disk.path, overlayInside, [])];
  if (backing !== null) {
    await makeReadable(backing.path);
    files.push(mount("bind", backing.path, backingInside, ["ro"]));
  }
  await machine.link.request(messageType.mount, files, signal);
  const node = diskNode(overlayInside, disk.format, "workload");
  const base = backing && { ...backing.node(backingInside), "node-name": baseNode };
  const qmp = await opening;
  try {
    await Promise.all([
      ...(base === null ? [] : [qmp.execute("blockdev-add", base, signal)]),
      qmp.execute(
        "blockdev-add",
        disk.format === "qcow2" ? { ...node, backing: base && baseNode } : node,
        signal,
      ),
      qmp.execute(
        "blockdev-reopen",
        { options: [{ driver: "raw", "node-name": "root", file: "workload" }] },
        signal,
      ),
      qmp.execute("blockdev-del", { "node-name": "disk" }, signal),
      qmp.execute("block_resize", { "node-name": "root", size: disk.size }, signal),
    ]);
  } finally {
    qmp.close();
  }
}

interface BackingNode {
  readonly path: string;
  /** The block node that reads it, where QEMU sees it at `inside`. */
  node(inside: string): object;
}

async function backingOf(disk: BlockDisk): Promise<BackingNode | null> {
  const { foreign } = disk;
  if (foreign === undefined) {
    const backing = disk.format === "qcow2" ? await readBacking(disk.path) : null;
    return backing && { path: backing.path, node: (inside) => fileNode(backing.format, inside) };
  }
  const { path, format, offset } = foreign;
  const window = { driver: "raw", offset, size: disk.size, "read-only": true };
  if (format === "raw") {
    const node = (inside: string): object => ({ ...window, file: plainFile(inside) });
    return { path, node };
  }
  /* What the file says of other files is not asked for (attack group G 88). */
  const alone = format === "vdi" ? {} : { backing: null };
  const node = (inside: string): object => ({
    ...window,
    file: { ...fileNode(format, inside), ...alone },
  });
  return { path, node };
}

function fileNode(driver: string, path: string): object {
  return { driver, file: plainFile(path), "read-only": true };
}

function plainFile(path: string): object {
  return { driver: "file", filename: path, "read-only": true };
}

/** An image's disk is shared by all its VMs, each of another user; its folder keeps the host's users out. */
async function makeReadable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o004) === 0) await chmod(path, (mode & 0o777) | 0o444);
}

/** Makes host folders and files visible to QEMU's share, and names each for the guest. */
export async function assignShares(
  link: WorkloadLink,
  binds: readonly WorkloadMount[],
  signal: AbortSignal,
): Promise<ReadonlyMap<WorkloadMount, string>> {
  const shares = new Map<WorkloadMount, string>();
  const fields: Field[] = [];
  for (const one of binds) {
    const name = `${shares.size}`;
    shares.set(one, name);
    fields.push(mount("bind", one.source, `/shares/${name}`, one.readonly ? ["ro"] : []));
  }
  if (fields.length > 0) await link.request(messageType.mount, fields, signal);
  return shares;
}

/** What CONFIGURE says of a VM that now has a workload: from then on its shim outlives the daemon. */
export function ownershipFields(
  spec: Pick<WorkloadSpec, "log" | "keepsRoot">,
  exitPath: string,
  sockets: readonly HostSocket[],
): readonly Field[] {
  return [
    [fieldTag.exitPath, exitPath],
    [fieldTag.kept, spec.keepsRoot === true ? 1 : 0],
    ...(spec.log.path === null ? [] : ([[fieldTag.logPath, spec.log.path]] as const)),
    [fieldTag.logMaximumSize, spec.log.maximumSize],
    [fieldTag.logMaximumFiles, spec.log.maximumFiles],
    ...sockets.map(({ path }): Field => [fieldTag.forward, path]),
  ];
}
