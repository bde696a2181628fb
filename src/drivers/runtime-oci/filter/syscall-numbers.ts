import table from "./syscalls.json" with { type: "json" };

/** An architecture as seccomp(2) sees it. */
export interface FilterArchitecture {
  /** AUDIT_ARCH value of linux/audit.h. */
  readonly audit: number;
  /** Added to every number: x32 is x86-64 with this bit. */
  readonly offset: number;
  /** Whether arguments are 64 bits wide. */
  readonly wide: boolean;
  readonly numbers: ReadonlyMap<string, number>;
}

const facts = {
  SCMP_ARCH_X86_64: { audit: 0xc000003e, offset: 0, wide: true },
  SCMP_ARCH_X86: { audit: 0x40000003, offset: 0, wide: false },
  SCMP_ARCH_X32: { audit: 0xc000003e, offset: 0x40000000, wide: false },
  SCMP_ARCH_AARCH64: { audit: 0xc00000b7, offset: 0, wide: true },
  SCMP_ARCH_ARM: { audit: 0x40000028, offset: 0, wide: false },
} as const;

const known = new Map<string, FilterArchitecture>();

/** The architecture of libseccomp's name for it; undefined where its numbers are not known here. */
export function filterArchitecture(name: string): FilterArchitecture | undefined {
  if (!isKnown(name)) return undefined;
  const made = known.get(name) ?? { ...facts[name], numbers: numbersOf(table[name]) };
  known.set(name, made);
  return made;
}

function isKnown(name: string): name is keyof typeof facts {
  return Object.hasOwn(facts, name);
}

function numbersOf(runs: Readonly<Record<string, string>>): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(runs).flatMap(([first, names]) =>
      names.split(" ").map((name, index): [string, number] => [name, Number(first) + index]),
    ),
  );
}
