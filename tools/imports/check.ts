import { posix } from "node:path";
import type { Finding } from "../source/finding.ts";
import type { SourceFile } from "../source/files.ts";
import { findCycles } from "./cycles.ts";
import { mayImport, mayTouch, roomOf } from "./rooms.ts";
import { scanImports, type FoundImport } from "./scan.ts";

/** What package.json declares: what runs with the product, and what only development needs. */
export interface Packages {
  readonly product: ReadonlySet<string>;
  readonly development: ReadonlySet<string>;
}

/**
 * Holds every import against the table of rooms, and refuses circles between files and between rooms.
 * `known` are the paths of all files of the project, whatever their kind.
 */
export function checkImports(
  files: readonly SourceFile[],
  known: ReadonlySet<string>,
  packages: Packages,
): Finding[] {
  const findings: Finding[] = [];
  const all = new Map<string, Set<string>>();
  const loading = new Map<string, Set<string>>();
  for (const file of files) {
    const targets = { all: new Set<string>(), loading: new Set<string>() };
    all.set(file.path, targets.all);
    loading.set(file.path, targets.loading);
    for (const one of scanImports(file.text)) {
      const target = resolveLocal(file.path, one.specifier);
      if (target !== undefined && known.has(target)) {
        targets.all.add(target);
        if (one.when === "now") targets.loading.add(target);
      }
      findings.push(...checkOne(file.path, one, target, known, packages));
    }
  }
  return [...findings, ...fileCycles(loading), ...roomCycles(all)];
}

function resolveLocal(from: string, specifier: string | undefined): string | undefined {
  if (specifier === undefined || !specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(from), specifier);
}

function checkOne(
  path: string,
  one: FoundImport,
  target: string | undefined,
  known: ReadonlySet<string>,
  packages: Packages,
): Finding[] {
  const at = { path, line: one.line };
  if (one.specifier === undefined) {
    return [
      {
        ...at,
        rule: "import-literal",
        what: "an import whose module is computed",
        remedy: "write the module's name as a string, so that borders can be checked",
      },
    ];
  }
  if (target === undefined) return checkPackage(at, one.specifier, packages);
  if (!known.has(target)) {
    return [
      {
        ...at,
        rule: "import-exists",
        what: `imports ${target}, which does not exist`,
        remedy: "name the file with its ending",
      },
    ];
  }
  return checkBorder(at, target);
}

interface Place {
  readonly path: string;
  readonly line: number;
}

function checkBorder(at: Place, target: string): Finding[] {
  const from = roomOf(at.path);
  const to = roomOf(target);
  if (from === undefined || to === undefined || mayImport(from, to)) return [];
  const neighbours = from.rule.apart === true && from.rule.room === to.rule.room;
  const allowed = from.rule.may.join(", ");
  return [
    {
      ...at,
      rule: "import-border",
      what: `${from.name} imports ${to.name} (${target})`,
      remedy: neighbours
        ? "drivers do not know each other: take it through a port of the domain, or put what both need into kit"
        : `${from.name} may import ${allowed === "" ? "nothing" : `only ${allowed}`}: pass it in through a port, or move what both need down`,
    },
  ];
}

function checkPackage(at: Place, specifier: string, packages: Packages): Finding[] {
  const room = roomOf(at.path);
  const builtin = specifier.startsWith("node:");
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (room !== undefined && !mayTouch(room.rule, specifier)) {
    return [
      {
        ...at,
        rule: "import-reach",
        what: `${room.name} imports ${specifier}`,
        remedy: `${room.name} does not reach outside: declare a port in src/domain and let a driver do it`,
      },
    ];
  }
  if (builtin || packages.product.has(name)) return [];
  const isProduct = at.path.startsWith("src/");
  if (packages.development.has(name) && !isProduct) return [];
  return [
    {
      ...at,
      rule: "import-declared",
      what: `imports the package ${name}`,
      remedy: isProduct
        ? "add it to dependencies with an exact version, and only with a good reason"
        : "add it to devDependencies with an exact version",
    },
  ];
}

function fileCycles(graph: ReadonlyMap<string, ReadonlySet<string>>): Finding[] {
  return findCycles(graph).map((members) => ({
    rule: "file-cycle",
    path: members[0]!,
    line: 0,
    what: `files import each other in a circle: ${members.join(", ")}`,
    remedy: "move what they share into a file that imports neither",
  }));
}

function roomCycles(files: ReadonlyMap<string, ReadonlySet<string>>): Finding[] {
  const graph = new Map<string, Set<string>>();
  for (const [path, targets] of files) {
    const from = roomOf(path)?.name;
    if (from === undefined) continue;
    const reached = graph.get(from) ?? new Set<string>();
    graph.set(from, reached);
    for (const target of targets) {
      const to = roomOf(target)?.name;
      if (to !== undefined && to !== from) reached.add(to);
    }
  }
  return findCycles(graph).map((members) => ({
    rule: "room-cycle",
    path: members[0]!,
    line: 0,
    what: `rooms import each other in a circle: ${members.join(", ")}`,
    remedy: "turn one direction round with a port in the lower room",
  }));
}
