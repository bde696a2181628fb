import { isDuetError } from "../../kit/errors.ts";
import type { GitFolder } from "./git-program.ts";
import { parseRemote } from "./git-remote.ts";

/** A repository inside of another, at one commit. */
export interface Submodule {
  /** Folder in the outer repository, without slashes at its ends. */
  readonly path: string;
  readonly url: string;
  readonly commit: string;
}

/**
 * The submodules of a commit. git itself never reads the file: a name or path that is none of a plain
 * folder is passed over, and so is a URL of another protocol (C44).
 */
export async function readSubmodules(
  folder: GitFolder,
  commit: string,
  parentUrl: string,
  signal: AbortSignal,
): Promise<readonly Submodule[]> {
  const links = await linksOf(folder, commit, signal);
  if (links.size === 0) return [];
  const settings = await settingsOf(folder, commit, signal);
  const found: Submodule[] = [];
  for (const { path, url } of settings.values()) {
    const linked = links.get(path);
    if (linked === undefined || !isPlainPath(path)) continue;
    const target = resolveUrl(url, parentUrl);
    if (isRemote(target)) found.push({ path, url: target, commit: linked });
  }
  return found;
}

/** Commits that stand in the tree, by path. */
async function linksOf(
  folder: GitFolder,
  commit: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const links = new Map<string, string>();
  const words = ["ls-tree", "-r", "-z", "--end-of-options", commit];
  let rest = "";
  for await (const chunk of folder.output(words, signal)) {
    const lines = (rest + chunk.toString("utf8")).split("\0");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const match = /^160000 commit ([\da-f]{40,64})\t([^]+)$/.exec(line);
      if (match !== null) links.set(match[2]!, match[1]!);
    }
  }
  return links;
}

async function settingsOf(
  folder: GitFolder,
  commit: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, { readonly path: string; readonly url: string }>> {
  const words = ["config", "--blob", `${commit}:.gitmodules`, "--no-includes", "--list", "-z"];
  const settings = new Map<string, { path: string; url: string }>();
  for (const entry of (await textOrNothing(folder, words, signal)).split("\0")) {
    const match = /^submodule\.([^]+)\.(path|url)\n([^]*)$/.exec(entry);
    if (match === null) continue;
    const [, name = "", key, value = ""] = match;
    const before = settings.get(name) ?? { path: "", url: "" };
    settings.set(name, key === "path" ? { ...before, path: value } : { ...before, url: value });
  }
  return settings;
}

async function textOrNothing(
  folder: GitFolder,
  words: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  try {
    return await folder.text(words, signal);
  } catch (error) {
    if (isDuetError(error, "unavailable") && error.code === "GIT_FAILED") return "";
    throw error;
  }
}

function isPlainPath(path: string): boolean {
  const parts = path.split("/");
  return (
    !path.startsWith("-") &&
    path.length < 4_096 &&
    !parts.some((part) => part === "" || part === "." || part === ".." || /^\.git$/i.test(part))
  );
}

/** `./x` and `../x` are relative to the outer repository's URL (gitmodules(5)). */
function resolveUrl(url: string, parent: string): string {
  if (!/^\.\.?\//.test(url)) return url;
  let base = parent.replace(/\/+$/, "");
  let rest = url;
  while (rest.startsWith("./") || rest.startsWith("../")) {
    if (rest.startsWith("../")) base = base.replace(/[/:][^/:]*$/, "");
    rest = rest.slice(rest.indexOf("/") + 1);
  }
  return `${base}/${rest}`;
}

function isRemote(url: string): boolean {
  try {
    parseRemote(url);
    return true;
  } catch (error) {
    if (isDuetError(error, "invalid")) return false;
    throw error;
  }
}
