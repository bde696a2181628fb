import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DuetError } from "../../src/kit/errors.ts";
import { Scope } from "../../src/kit/scope.ts";
import { run } from "../../src/kit/subprocess.ts";
import {
  dependenciesOf,
  downloadPackages,
  hostSource,
  unpackPackage,
} from "../../images/debian/apt.ts";

/** Holds boot/vmlinuz-RELEASE and lib/modules/RELEASE for guests, as the host's own root does. */
export const kernelFolder = "/var/lib/duet/kernels";
const architecture = process.arch === "arm64" ? "arm64" : "amd64";
/** Modules that no guest of Duet has hardware for; two thirds of the tree. */
const needless = [
  "sound",
  ...["gpu", "media", "staging", "infiniband"].map((name) => `drivers/${name}`),
];

/** The releases that `root` has both a kernel and modules with 9p for. */
export async function kernelsIn(root: string): Promise<string[]> {
  const names = await readdir(join(root, "boot")).catch(() => []);
  return names
    .filter((name) => name.startsWith("vmlinuz-"))
    .map((name) => name.slice("vmlinuz-".length))
    .filter((release) => existsSync(join(root, "lib/modules", release, "kernel/fs/9p")));
}

/** A guest kernel that is already there: the host's own, or one that set-up brought. */
export async function findGuestKernel(): Promise<string | undefined> {
  for (const root of ["/", kernelFolder]) {
    const [release] = await kernelsIn(root);
    if (release !== undefined) return join(root, `boot/vmlinuz-${release}`);
  }
  return undefined;
}

/**
 * Unpacks Debian's kernel beside: an installed one would rebuild the host's initramfs and boot menu.
 * Gives the path of the kernel.
 */
export async function bringGuestKernel(
  signal: AbortSignal,
  folder: string = kernelFolder,
): Promise<string> {
  await using scope = new Scope();
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, ".new-"));
  scope.defer(() => rm(work, { recursive: true, force: true }));
  const [name] = await dependenciesOf(`linux-image-${architecture}`, hostSource, signal);
  if (name === undefined) {
    throw new DuetError(
      "not-found",
      "KERNEL_UNKNOWN",
      "no package source has a kernel for guests",
      {
        hint: `add Debian's main archive, or put a kernel and its modules into ${folder}/boot and ${folder}/lib/modules`,
      },
    );
  }
  const [archive = ""] = await downloadPackages([name], join(work, "download"), hostSource, signal);
  const root = join(work, "root");
  await unpackPackage(archive, root, signal);
  const [release] = await kernelsIn(root);
  if (release === undefined) {
    throw new DuetError(
      "corrupt",
      "KERNEL_INCOMPLETE",
      `the package ${name} has no kernel with 9p`,
    );
  }
  for (const part of needless) {
    await rm(join(root, "lib/modules", release, "kernel", part), {
      recursive: true,
      force: true,
    });
  }
  await run("depmod", ["-b", root, release], { signal });
  await replace(join(root, "lib/modules", release), join(folder, "lib/modules", release));
  const image = join(folder, "boot", `vmlinuz-${release}`);
  // The kernel comes last: who sees it finds its modules.
  await replace(join(root, "boot", `vmlinuz-${release}`), image);
  return image;
}

async function replace(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { recursive: true, force: true });
  await rename(from, to);
}
