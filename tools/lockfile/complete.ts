/** What of package-lock.json version 3 is read here. */
export interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

const systems = [
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const processors = [
  "arm64",
  "arm",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "x64",
];

/** The platform that a native package's name tells, such as `binding-linux-arm64-musl`. */
export function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> | undefined {
  const words = name.split(/[/@-]/);
  const system = systems.find((word) => words.includes(word));
  const processor = processors.find((word) => words.includes(word));
  if (system === undefined || processor === undefined) return undefined;
  const musl = words.some((word) => word.startsWith("musl"));
  const glibc = words.some((word) => word.startsWith("gnu"));
  return {
    os: [system],
    cpu: [processor],
    ...(musl ? { libc: ["musl"] } : {}),
    ...(glibc ? { libc: ["glibc"] } : {}),
  };
}

/**
 * Adds an entry for every optional platform package that the lockfile names without describing it.
 * Such an entry satisfies `npm ci` and is never downloaded on another platform. Gives what it added.
 */
export function completeLockfile(lockfile: Lockfile): string[] {
  const added: string[] = [];
  for (const parent of Object.values(lockfile.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      const platform = platformOf(name);
      if (lockfile.packages[key] !== undefined || platform === undefined) continue;
      const dev = parent.dev === true ? { dev: true } : {};
      lockfile.packages[key] = { version, ...dev, optional: true, ...platform };
      added.push(name);
    }
  }
  lockfile.packages = Object.fromEntries(
    Object.entries(lockfile.packages).toSorted(([left], [right]) =>
      left.localeCompare(right, "en"),
    ),
  );
  return added.toSorted();
}
