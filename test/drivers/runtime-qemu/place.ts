import { execFileSync } from "node:child_process";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  rmdir,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join, resolve } from "node:path";
import type { RootSource } from "../../../src/domain/snapshot.ts";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import {
  createQemuRuntime,
  type QemuRuntimeDependencies,
} from "../../../src/drivers/runtime-qemu/runtime.ts";
import { createShimLauncher } from "../../../src/drivers/shim/launcher.ts";
import type { Runtime } from "../../../src/domain/runtime.ts";
import { silentLog, type Log } from "../../../src/kit/log.ts";
import { processesLeft } from "../../e2e/processes.ts";

const native = resolve(import.meta.dirname, "../../../build/native");
export const diskSize = 256 << 20;

/** A folder with a base disk, and runtimes that keep everything in it. */
export class Place {
  readonly folder: string;
  readonly dependencies: QemuRuntimeDependencies;
  private count = 0;

  private constructor(folder: string, log: Log, poolSize: number, forceCold: boolean) {
    this.folder = folder;
    this.dependencies = {
      shims: createShimLauncher({ binary: join(native, "duet-shim") }),
      rootfs: createRootfsAccess({ binary: join(native, "duet-rootfs"), log }),
      log,
      tools: {
        agent: join(native, "duet-agent"),
        opener: join(native, "duet-opener.so"),
        rootfs: join(native, "duet-rootfs"),
      },
      dataDirectory: join(folder, "data"),
      runDirectory: join(folder, "run"),
      cgroupParent: `/duet-test-${folder.slice(-6)}`,
      poolSize,
      forceCold,
    };
  }

  static async make(options: {
    readonly poolSize: number;
    readonly forceCold?: boolean;
    readonly log?: Log;
  }): Promise<Place> {
    const folder = await mkdtemp("/tmp/dvm-");
    const place = new Place(
      folder,
      options.log ?? silentLog,
      options.poolSize,
      options.forceCold === true,
    );
    await makeBase(folder);
    /* What a test host's KVM is like is another test's matter, and costs seconds. */
    await mkdir(place.dependencies.dataDirectory, { mode: 0o700 });
    return place;
  }

  async runtime(): Promise<Runtime> {
    return await createQemuRuntime(this.dependencies);
  }

  /** A fresh writable disk over the base. */
  async root(): Promise<RootSource> {
    const path = join(this.folder, `disk-${(this.count += 1)}.qcow2`);
    const base = join(this.folder, "base.ext4");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", path]);
    return { kind: "block", disk: { path, format: "qcow2", size: diskSize, fileSystem: "ext4" } };
  }

  /** Machines, cgroups and processes of workloads with these ids. */
  async leaks(ids: readonly string[]): Promise<readonly string[]> {
    const leaks: string[] = [];
    for (const name of await readdir(this.dependencies.runDirectory).catch(() => [])) {
      const owner = join(this.dependencies.runDirectory, name, "owner");
      const id = await readFile(owner, "utf8").catch(() => "");
      if (ids.includes(id)) leaks.push(`machine ${name} of ${id}`);
    }
    return leaks;
  }

  /** Everything that is left, when nothing is to be. */
  async remains(): Promise<readonly string[]> {
    const remains: string[] = [];
    for (const name of await readdir(this.dependencies.runDirectory).catch(() => []))
      remains.push(`machine ${name}`);
    const processes = await processesLeft(this.folder, 60_000);
    remains.push(...processes.map((line) => `process ${line.slice(0, 200)}`));
    for (const path of await this.cgroups()) remains.push(`cgroup ${path}`);
    // Taps of templates bear no name of ours alone; the run of all tests looks for them at its end.
    return remains;
  }

  private async cgroups(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const root of ["", ...(await readdir("/sys/fs/cgroup"))]) {
      const parent = join("/sys/fs/cgroup", root, this.dependencies.cgroupParent);
      const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (entry.isDirectory()) found.push(join(parent, entry.name));
    }
    return found;
  }

  async close(): Promise<void> {
    for (const root of ["", ...(await readdir("/sys/fs/cgroup"))])
      await rmdir(join("/sys/fs/cgroup", root, this.dependencies.cgroupParent)).catch(
        () => undefined,
      );
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function makeBase(folder: string): Promise<void> {
  const tree = join(folder, "tree");
  for (const name of ["bin", "proc", "dev", "sys", "tmp", "etc", "root"])
    await mkdir(join(tree, name), { recursive: true });
  await chmod(join(tree, "tmp"), 0o1777);
  await copyFile("/bin/busybox", join(tree, "bin/busybox"));
  const applets = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
  for (const name of applets)
    if (name !== "busybox") await symlink("busybox", join(tree, "bin", name));
  await writeFile(
    join(tree, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n",
  );
  await writeFile(join(tree, "etc/group"), "root:x:0:\nada:x:1000:\nstaff:x:50:ada\n");
  await writeFile(join(tree, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  const options = ["-q", "-F", "-b", "4096", "-d", tree, join(folder, "base.ext4")];
  execFileSync("mkfs.ext4", [...options, `${diskSize >> 10}k`]);
}
