import { DuetError } from "../kit/errors.ts";
import type { Descriptor, Platform } from "./image.ts";
import { hostPlatform } from "./registry.ts";

/** Other names of the same architectures, as containerd normalises them. */
const architectures: Readonly<Record<string, readonly [architecture: string, variant: string]>> = {
  x86_64: ["amd64", ""],
  "x86-64": ["amd64", ""],
  aarch64: ["arm64", ""],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  i386: ["386", ""],
};

/** Variants that say nothing more than the architecture itself does. */
const impliedVariants: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8", arm: "v7" };

const word = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** What containerd's platforms package knows by a word alone. */
const systems = new Set(
  "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos".split(
    " ",
  ),
);
const processors = new Set(
  "386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm".split(
    " ",
  ),
);

/**
 * Reads `os/architecture[/variant]`, an architecture or a system alone, as containerd's platforms package does. Throws
 * `invalid` PLATFORM_INVALID in its words.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const [first = "", second, variant] = parts;
  if (parts.length > 3 || !parts.every((part) => word.test(part))) {
    throw notPlatform(text, "cannot parse platform specifier");
  }
  if (second !== undefined) {
    return normalizePlatform({
      os: first,
      architecture: second,
      ...(variant === undefined ? {} : { variant }),
    });
  }
  const { architecture } = hostPlatform;
  const ofSystem = normalizePlatform({ os: first, architecture });
  if (systems.has(ofSystem.os)) return ofSystem;
  const ofProcessor = normalizePlatform({ os: hostPlatform.os, architecture: first });
  if (processors.has(ofProcessor.architecture)) return ofProcessor;
  throw notPlatform(text, "unknown operating system or architecture");
}

function notPlatform(text: string, why: string): DuetError {
  const shown = JSON.stringify(text.slice(0, 100));
  return new DuetError("invalid", "PLATFORM_INVALID", `${shown}: ${why}: invalid argument`, {
    hint: "write os/architecture[/variant], such as linux/amd64",
  });
}

/** One spelling for each platform: `linux/x86_64` becomes `linux/amd64`, `linux/arm64/v8` `linux/arm64`. */
export function normalizePlatform(platform: Platform): Platform {
  const system = platform.os.toLowerCase();
  const os = system === "macos" ? "darwin" : system;
  const written = platform.architecture.toLowerCase();
  const [architecture, otherVariant] = architectures[written] ?? [written, ""];
  const variant = (platform.variant ?? "").toLowerCase() || otherVariant;
  const implied = variant === "" || variant === impliedVariants[architecture];
  return { os, architecture, ...(implied ? {} : { variant }) };
}

export function formatPlatform(platform: Platform): string {
  const variant =
    platform.variant === undefined || platform.variant === "" ? "" : `/${platform.variant}`;
  return `${platform.os}/${platform.architecture}${variant}`;
}

/**
 * The manifest of an index for `wanted`, or the nearest that runs there (an older variant of arm).
 * An index with one single entry that names no platform gives that. Throws `not-found`
 * PLATFORM_NOT_FOUND with Docker's words.
 */
export function selectPlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor {
  const target = normalizePlatform(wanted);
  const ranked = manifests
    .filter((entry) => !isAttestation(entry))
    .map((entry) => ({
      entry,
      rank: entry.platform === undefined ? -1 : rankOf(entry.platform, target),
    }))
    .filter(({ rank }) => rank >= 0)
    .toSorted((one, other) => one.rank - other.rank);
  const best = ranked[0]?.entry;
  if (best !== undefined) return best;
  const [only, ...others] = manifests;
  if (only !== undefined && others.length === 0 && only.platform === undefined) return only;
  const offered = manifests.flatMap((entry) =>
    entry.platform === undefined ? [] : [formatPlatform(entry.platform)],
  );
  throw new DuetError(
    "not-found",
    "PLATFORM_NOT_FOUND",
    `no matching manifest for ${formatPlatform(target)} in the manifest list entries`,
    { hint: `the image offers: ${[...new Set(offered)].slice(0, 20).join(", ") || "nothing"}` },
  );
}

/** 0 is the exact platform, more is worse, -1 does not run. */
function rankOf(offered: Platform, wanted: Platform): number {
  const candidate = normalizePlatform(offered);
  if (candidate.os !== wanted.os || candidate.architecture !== wanted.architecture) return -1;
  const have = variantNumber(candidate);
  const want = variantNumber(wanted);
  if (have === undefined || want === undefined)
    return candidate.variant === wanted.variant ? 0 : -1;
  return have <= want ? want - have : -1;
}

function variantNumber(platform: Platform): number | undefined {
  const variant = platform.variant ?? impliedVariants[platform.architecture] ?? "";
  const match = /^v(\d{1,2})$/.exec(variant);
  return match === null ? undefined : Number(match[1]);
}

/** BuildKit's attestations sit in the index as entries for unknown/unknown. */
export function isAttestation(entry: Descriptor): boolean {
  if (entry.annotations?.["vnd.docker.reference.type"] !== undefined) return true;
  return entry.platform?.os === "unknown" || entry.platform?.architecture === "unknown";
}
