import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Scope } from "../../src/kit/scope.ts";
import {
  closureOf,
  downloadPackages,
  unpackPackage,
  update,
  type AptSource,
} from "../../images/debian/apt.ts";
import { bindToTree } from "./bind.ts";
import { sourcesFor } from "./sources.ts";

/** Packages of one Debian suite that are unpacked together. */
export interface TreePlan {
  readonly suite: string;
  readonly packages: readonly string[];
  /** Dependencies that are unpacked as well, by package name. */
  readonly follow: RegExp;
  /** The folder that they make: usr/bin, usr/lib and so on. */
  readonly place: string;
}

/**
 * Downloads packages of another Debian suite and unpacks them beside, with the libraries they need;
 * nothing is installed. Gives the folder; one that is there already is kept unless `fresh`.
 */
export async function bringTree(
  plan: TreePlan,
  options: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const { suite, packages, follow, place } = plan;
  if (existsSync(place) && !options.fresh) return place;
  await using scope = new Scope();
  await mkdir(dirname(place), { recursive: true });
  const work = await mkdtemp(join(dirname(place), ".new-"));
  scope.defer(() => rm(work, { recursive: true, force: true }));
  const source = await sourceOf(suite, work);
  await update(source, options.signal);
  const names = await closureOf(packages, follow, source, options.signal);
  const archives = await downloadPackages(names, join(work, "packages"), source, options.signal);
  const tree = join(work, "tree");
  for (const archive of archives) await unpackPackage(archive, tree, options.signal);
  await bindToTree(tree, place, join(work, "patchelf"), options.signal);
  await rm(place, { recursive: true, force: true });
  await rename(tree, place);
  return place;
}

/** apt, looking at one suite with lists and caches of its own. */
async function sourceOf(suite: string, work: string): Promise<AptSource> {
  const file = join(work, "suite.sources");
  await writeFile(file, sourcesFor(suite, await codename(), await hostSources()));
  const folders = ["lists/partial", "cache/archives/partial", "parts"];
  for (const folder of folders) await mkdir(join(work, folder), { recursive: true });
  await rename(file, join(work, "parts/suite.sources"));
  const settings = [
    "Dir::Etc::sourcelist=/dev/null",
    `Dir::Etc::sourceparts=${join(work, "parts")}`,
    `Dir::State::lists=${join(work, "lists")}`,
    `Dir::Cache=${join(work, "cache")}`,
    "APT::Sandbox::User=root",
  ];
  return { options: settings.flatMap((setting) => ["-o", setting]) };
}

async function codename(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8");
  return /^VERSION_CODENAME=(.*)$/m.exec(text)?.[1] ?? "stable";
}

async function hostSources(): Promise<string[]> {
  const folder = "/etc/apt/sources.list.d";
  const names = await readdir(folder).catch(() => []);
  const paths = ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))];
  const wanted = paths.filter((path) => /\.(list|sources)$/.test(path));
  return Promise.all(wanted.map((path) => readFile(path, "utf8").catch(() => "")));
}
