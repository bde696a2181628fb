import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { cpio } from "../../../src/kit/cpio.ts";
import { buildInitramfs } from "../../../src/drivers/runtime-qemu/initramfs.ts";
import type { GuestKernel } from "../../../src/drivers/runtime-qemu/kernel.ts";
import { programPath, run } from "../../../src/kit/subprocess.ts";
import {
  guestEntry,
  guestNode,
  guestProject,
  initScript,
  loaderScript,
  profileParser,
} from "./scripts.ts";

const projectRoot = resolve(import.meta.dirname, "../../..");
const busybox = "/bin/busybox";
/** Where the guest has what runs there beside Node, with the libraries that it loads. */
const hostPrograms = [
  ...["/usr/bin/crun", "/usr/sbin/runc", "/usr/bin/ps", "/usr/bin/umount"],
  ...(existsSync(profileParser) ? [profileParser] : []),
];
const nativePrograms = ["duet-shim", "duet-init", "duet-rootfs"];
const diskSize = "640M";

/** What the guest boots into: busybox, the kernel's modules and a script that goes on from the disk. */
export async function makeInitramfs(
  kernel: GuestKernel,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const loader = join(folder, "loader");
  await writeFile(loader, loaderScript);
  const { content } = await buildInitramfs(kernel, loader, [], signal);
  const more = cpio([
    { path: "bin", mode: 0o040755 },
    { path: busybox.slice(1), mode: 0o100755, content: await readFile(busybox) },
  ]);
  const path = join(folder, "initramfs");
  await writeFile(path, Buffer.concat([content, more]));
  return path;
}

/** A raw ext4 disk with busybox, the OCI runtimes, Node and the tests of `entry`, bundled. */
export async function makeDisk(
  entry: string,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const tree = join(folder, "tree");
  const disk = join(folder, "disk");
  for (const name of ["bin", "sbin", "dev", "proc", "sys", "run", "tmp", "etc", "root", "usr"])
    await mkdir(join(tree, name), { recursive: true });
  await chmod(join(tree, "tmp"), 0o1777);
  await writeFile(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(tree, "init"), initScript, { mode: 0o755 });
  await copyBusybox(tree, signal);
  await copyProject(tree, entry);
  for (const program of [...hostPrograms.map(onThisHost), process.execPath])
    for (const library of await librariesOf(program, signal)) await copyTo(library, tree, library);
  for (const program of hostPrograms) await copyTo(onThisHost(program), tree, program);
  await run("mke2fs", ["-q", "-t", "ext4", "-d", tree, disk, diskSize], { signal });
  await rm(tree, { recursive: true });
  return disk;
}

/** Where this host has a program, which may be another folder than Debian's. */
function onThisHost(program: string): string {
  const places = programPath.split(":").map((folder) => join(folder, basename(program)));
  return places.find((place) => existsSync(place)) ?? program;
}

async function copyBusybox(tree: string, signal: AbortSignal): Promise<void> {
  await copyTo(busybox, tree, busybox);
  const applets = (await run(busybox, ["--list"], { signal })).stdout.toString("utf8");
  for (const name of applets.trim().split("\n"))
    if (name !== "busybox") await symlink("busybox", join(tree, "bin", name));
}

async function copyProject(tree: string, entry: string): Promise<void> {
  await copyTo(process.execPath, tree, guestNode);
  for (const name of nativePrograms) {
    const path = join("build/native", name);
    await copyTo(join(projectRoot, path), tree, join(guestProject, path));
  }
  for (const name of ["koffi", "@koromix"]) {
    const path = join("node_modules", name);
    await cp(join(projectRoot, path), join(tree, guestProject, path), { recursive: true });
  }
  await build({
    entryPoints: [entry],
    outfile: join(tree, guestEntry),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: ["koffi"],
    keepNames: true,
    logLevel: "error",
  });
}

async function copyTo(source: string, tree: string, target: string): Promise<void> {
  const path = join(tree, target);
  await mkdir(dirname(path), { recursive: true });
  await copyFile(source, path);
}

/** Shared libraries and the loader of a program, as the loader finds them here. */
async function librariesOf(program: string, signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = await run("ldd", [program], { signal });
  const paths = [...stdout.toString("utf8").matchAll(/(\/\S+) \(0x/g)].map(
    (match) => match[1] ?? "",
  );
  return paths.filter((path) => path !== "");
}
