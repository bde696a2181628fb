import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  symlink,
} from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import type { SecuritySpec } from "../../../src/domain/limits.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { createOciRuntime } from "../../../src/drivers/runtime-oci/runtime.ts";
import { readCgroupHost } from "../../../src/drivers/runtime-oci/cgroup.ts";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import { createShimLauncher } from "../../../src/drivers/shim/launcher.ts";
import type { RuntimeHarness } from "../../suites/runtime/harness.ts";

const native = resolve(import.meta.dirname, "../../../build/native");
const shim = process.env["DUET_TEST_SHIM"] ?? join(native, "duet-shim");
const cgroupParent = `/duet-test-${process.pid}`;

/** A layer with busybox, shared by all roots. */
async function makeLayer(folder: string): Promise<void> {
  for (const name of ["bin", "proc", "dev", "sys", "tmp", "etc"])
    await mkdir(join(folder, name), { recursive: true });
  await chmod(join(folder, "tmp"), 0o1777);
  await copyFile("/bin/busybox", join(folder, "bin/busybox"));
  const applets = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
  for (const name of applets)
    if (name !== "busybox") await symlink("busybox", join(folder, "bin", name));
}

export interface OciHarnessOptions {
  /** Layers of each root; default 1. */
  readonly lowerCount?: number;
  /** The runtime to test instead of the one that probing finds. */
  readonly runtimePath?: string;
  /** Of workloads that ask for nothing else. */
  readonly security?: Partial<SecuritySpec>;
}

/** An OCI runtime of this host on roots of busybox, with cgroups of its own. */
export async function makeOciHarness(options: OciHarnessOptions = {}): Promise<RuntimeHarness> {
  const folder = await mkdtemp("/tmp/duet-oci-");
  const layer = join(folder, "layer");
  await makeLayer(layer);
  const dependencies = {
    shims: createShimLauncher({ binary: shim }),
    rootfs: createRootfsAccess({ binary: join(native, "duet-rootfs"), log: silentLog }),
    log: silentLog,
    tools: { shim: join(native, "duet-shim") },
    cgroupParent,
    ...(options.runtimePath === undefined ? {} : { runtimePath: options.runtimePath }),
  };
  let count = 0;
  return {
    ...(options.security === undefined ? {} : { security: options.security }),
    runtime: await createOciRuntime(dependencies),
    later: () => createOciRuntime(dependencies),
    smallMemory: 16 << 20,
    root: async () => {
      const own = join(folder, `root-${(count += 1)}`);
      await mkdir(join(own, "upper"), { recursive: true });
      await mkdir(join(own, "work"));
      const lowers = [
        layer,
        ...(await emptyLayers(join(own, "lowers"), (options.lowerCount ?? 1) - 1)),
      ];
      const overlay = [
        `lowerdir=${lowers.join(":")}`,
        `upperdir=${own}/upper`,
        `workdir=${own}/work`,
      ];
      return {
        kind: "directory",
        mounts: [{ type: "overlay", source: "overlay", target: "", options: overlay }],
      };
    },
    leaks: findLeaks,
    close: async () => {
      for (const root of readCgroupHost().roots)
        await rm(join(root, cgroupParent)).catch(() => undefined);
      for (const root of readCgroupHost().roots)
        await rmdir(join(root, cgroupParent)).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function emptyLayers(folder: string, count: number): Promise<readonly string[]> {
  const layers = Array.from({ length: count }, (_, index) =>
    join(folder, `${index}-${"x".repeat(60)}`),
  );
  for (const layer of layers) await mkdir(layer, { recursive: true });
  return layers;
}

async function findLeaks(ids: readonly string[]): Promise<readonly string[]> {
  const leaks: string[] = [];
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  for (const id of ids) {
    if (mounts.includes(id)) leaks.push(`mount of ${id}`);
    for (const root of readCgroupHost().roots) {
      const path = join(root, cgroupParent, id);
      if (await stat(path).catch(() => undefined)) leaks.push(path);
    }
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (command.includes(id)) leaks.push(`process ${pid}: ${command.replaceAll("\0", " ")}`);
    }
  }
  return leaks;
}
