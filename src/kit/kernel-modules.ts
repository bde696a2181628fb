import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { run } from "./subprocess.ts";

/** What depmod(8) wrote down of a kernel's modules. Names have no hyphens, as the kernel's own. */
export interface ModuleTable {
  /** Path by name, below the modules' folder. */
  readonly paths: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly builtIn: ReadonlySet<string>;
}

/** The kernel's own name of a module, of its file's path or of a spelling with hyphens. */
export function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.(xz|zst|gz))?$/, "")
    .replaceAll("-", "_");
}

/** Reads modules.dep and modules.builtin of a folder such as /lib/modules/6.1.0; empty where they are missing. */
export async function readModuleTable(modules: string): Promise<ModuleTable> {
  const paths = new Map<string, string>();
  const dependencies = new Map<string, readonly string[]>();
  for (const line of await linesOf(join(modules, "modules.dep"))) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = moduleName(line.slice(0, colon));
    const needed = line.slice(colon + 1).split(" ");
    paths.set(name, line.slice(0, colon));
    dependencies.set(name, needed.filter((part) => part !== "").map(moduleName));
  }
  const builtIn = await linesOf(join(modules, "modules.builtin"));
  return { paths, dependencies, builtIn: new Set(builtIn.map(moduleName)) };
}

/** A pattern of hardware ids, as in `/sys/bus/…/modalias`, and the module that drives what it fits. */
export interface ModuleAlias {
  readonly pattern: string;
  readonly module: string;
}

/** Reads modules.alias. */
export async function readModuleAliases(modules: string): Promise<readonly ModuleAlias[]> {
  return (await linesOf(join(modules, "modules.alias"))).flatMap((line) => {
    const [word, pattern, module] = line.split(" ");
    if (word !== "alias" || pattern === undefined || module === undefined) return [];
    return [{ pattern, module: moduleName(module) }];
  });
}

/** Paths, below the modules' folder, of those of the named modules that are files, each after what it depends on. */
export function inLoadOrder(table: ModuleTable, names: readonly string[]): readonly string[] {
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    const path = table.paths.get(name);
    if (path === undefined || ordered.has(path)) return;
    for (const dependency of table.dependencies.get(name) ?? []) visit(dependency);
    ordered.add(path);
  };
  for (const name of names) visit(moduleName(name));
  return [...ordered];
}

/** A module as the kernel takes it: unpacked where the distribution packs it. */
export async function readModule(path: string, signal: AbortSignal): Promise<Buffer> {
  if (path.endsWith(".xz")) {
    return (await run("xz", ["-dc", "--", path], { signal, maxOutput: 64 << 20 })).stdout;
  }
  const content = await readFile(path);
  if (path.endsWith(".zst")) return zstdDecompressSync(content);
  return path.endsWith(".gz") ? gunzipSync(content) : content;
}

async function linesOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}
