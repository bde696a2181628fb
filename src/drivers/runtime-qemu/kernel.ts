import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DuetError } from "../../kit/errors.ts";
import { inLoadOrder, moduleName, readModuleTable } from "../../kit/kernel-modules.ts";

/** A kernel of the host that can be a guest's. */
export interface GuestKernel {
  /** Such as `6.1.0-56-amd64`. */
  readonly release: string;
  /** Absolute path of the bzImage. */
  readonly image: string;
  /** Absolute path of its modules' folder. */
  readonly modules: string;
  /** Modification time and size: tells a rebuilt package of the same release apart. */
  readonly stamp: string;
}

/** Why a kernel of the host is not used. */
export interface RefusedKernel {
  readonly release: string;
  readonly missing: readonly string[];
}

export interface KernelChoice {
  readonly kernel: GuestKernel | undefined;
  readonly refused: readonly RefusedKernel[];
}

/** Drivers without which no guest works; each a module or built in. */
const required = [
  "virtio_pci",
  "virtio_blk",
  "virtio_net",
  "virtio_console",
  "ext4",
  "9p",
  "9pnet_virtio",
];
/** Loaded where the kernel has them. */
const welcome = ["virtio-rng", "crc32c_generic", "crc32c-intel", "erofs", "overlay", "failover"];

/**
 * The newest kernel of the host that has every driver a guest needs, and why newer ones were passed
 * over; with `wanted` only that release is looked at. Debian's `linux-image-amd64` qualifies; its `cloud` flavour has no 9p.
 */
export async function chooseKernel(
  bootDirectory = "/boot",
  modulesDirectory = "/lib/modules",
  wanted: string | null = null,
): Promise<KernelChoice> {
  const refused: RefusedKernel[] = [];
  for (const release of await releases(bootDirectory)) {
    if (wanted !== null && release !== wanted) continue;
    const modules = join(modulesDirectory, release);
    const missing = await missingDrivers(modules);
    if (missing.length > 0) {
      refused.push({ release, missing });
      continue;
    }
    const image = join(bootDirectory, `vmlinuz-${release}`);
    const facts = await stat(image);
    const stamp = `${facts.size}-${Math.trunc(facts.mtimeMs)}`;
    return { kernel: { release, image, modules, stamp }, refused };
  }
  return { kernel: undefined, refused };
}

/** Trees with boot/ and lib/modules/: the host's own, then the one that set-up fills without installing. */
const kernelRoots = ["/", "/var/lib/duet/kernels"];

/** The first tree's choice, as `chooseKernel`, but throws `unavailable` NO_KERNEL with a hint. */
export async function requireKernel(wanted: string | null = null): Promise<GuestKernel> {
  const reasons: string[] = [];
  for (const root of kernelRoots) {
    const choice = await chooseKernel(join(root, "boot"), join(root, "lib/modules"), wanted);
    if (choice.kernel !== undefined) return choice.kernel;
    for (const one of choice.refused)
      reasons.push(`${one.release} lacks ${one.missing.join(", ")}`);
  }
  const places = kernelRoots.map((root) => join(root, "boot")).join(" and ");
  throw new DuetError(
    "unavailable",
    "NO_KERNEL",
    `no kernel ${wanted ?? "for virtual machines"} · ${reasons.join("; ") || `${places} have none`}`,
    { hint: "run `npm run setup`, or install the package linux-image-amd64" },
  );
}

async function releases(bootDirectory: string): Promise<readonly string[]> {
  const names = await readdir(bootDirectory).catch(() => []);
  return names
    .filter((name) => name.startsWith("vmlinuz-"))
    .map((name) => name.slice("vmlinuz-".length))
    .toSorted((left, right) => right.localeCompare(left, "en", { numeric: true }));
}

async function missingDrivers(modules: string): Promise<readonly string[]> {
  const table = await readModuleTable(modules);
  return required.filter((name) => {
    const key = moduleName(name);
    return !table.paths.has(key) && !table.builtIn.has(key);
  });
}

/** Absolute paths of the modules that a guest loads, each after those it depends on (depmod's modules.dep). */
export async function guestModules(
  kernel: GuestKernel,
  more: readonly string[] = [],
): Promise<readonly string[]> {
  const table = await readModuleTable(kernel.modules);
  return inLoadOrder(table, [...welcome, ...required, ...more]).map((path) =>
    join(kernel.modules, path),
  );
}
