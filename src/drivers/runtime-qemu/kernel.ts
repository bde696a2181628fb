import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { DuetError } from "../../kit/errors.ts";

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
 * over. Debian's `linux-image-amd64` qualifies; its `cloud` flavour has no 9p.
 */
export async function chooseKernel(
  bootDirectory = "/boot",
  modulesDirectory = "/lib/modules",
): Promise<KernelChoice> {
  const refused: RefusedKernel[] = [];
  for (const release of await releases(bootDirectory)) {
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
export async function requireKernel(): Promise<GuestKernel> {
  const reasons: string[] = [];
  for (const root of kernelRoots) {
    const choice = await chooseKernel(join(root, "boot"), join(root, "lib/modules"));
    if (choice.kernel !== undefined) return choice.kernel;
    for (const one of choice.refused)
      reasons.push(`${one.release} lacks ${one.missing.join(", ")}`);
  }
  const places = kernelRoots.map((root) => join(root, "boot")).join(" and ");
  throw new DuetError(
    "unavailable",
    "NO_KERNEL",
    `no kernel for virtual machines · ${reasons.join("; ") || `${places} have none`}`,
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

interface ModuleTable {
  /** Path by canonical name, below the modules' folder. */
  readonly paths: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly builtIn: ReadonlySet<string>;
}

function canonical(path: string): string {
  return basename(path)
    .replace(/\.ko(\.(xz|zst|gz))?$/, "")
    .replaceAll("-", "_");
}

async function readTable(modules: string): Promise<ModuleTable> {
  const paths = new Map<string, string>();
  const dependencies = new Map<string, readonly string[]>();
  const text = await readFile(join(modules, "modules.dep"), "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = canonical(line.slice(0, colon));
    paths.set(name, line.slice(0, colon));
    dependencies.set(
      name,
      line
        .slice(colon + 1)
        .split(" ")
        .filter((part) => part !== "")
        .map(canonical),
    );
  }
  const builtInText = await readFile(join(modules, "modules.builtin"), "utf8").catch(() => "");
  const builtIn = new Set(
    builtInText
      .split("\n")
      .filter((line) => line !== "")
      .map(canonical),
  );
  return { paths, dependencies, builtIn };
}

async function missingDrivers(modules: string): Promise<readonly string[]> {
  const table = await readTable(modules);
  return required.filter((name) => {
    const key = canonical(name);
    return !table.paths.has(key) && !table.builtIn.has(key);
  });
}

/** Absolute paths of the modules that a guest loads, each after those it depends on (depmod's modules.dep). */
export async function guestModules(kernel: GuestKernel): Promise<readonly string[]> {
  const table = await readTable(kernel.modules);
  const ordered: string[] = [];
  const visit = (name: string): void => {
    const path = table.paths.get(name);
    if (path === undefined || ordered.includes(join(kernel.modules, path))) return;
    for (const dependency of table.dependencies.get(name) ?? []) visit(dependency);
    ordered.push(join(kernel.modules, path));
  };
  for (const name of [...welcome, ...required]) visit(canonical(name));
  return ordered;
}
