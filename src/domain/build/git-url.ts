import { InstructionFault, quoted } from "./dockerfile-error.ts";

/** A git repository as ADD and build contexts name it. */
export interface GitSource {
  readonly url: string;
  /** Branch, tag or commit; "" for the remote's HEAD. */
  readonly ref: string;
  /** Folder below the repository's root, without slashes at its ends; "" for all. */
  readonly subdirectory: string;
  /** A commit, or its beginning; null where none is demanded. */
  readonly checksum: string | null;
  /** null where nothing is said. */
  readonly keepGitFolder: boolean | null;
  readonly submodules: boolean;
}

const scpForm = /^(?:[A-Za-z\d][\w.-]*@)?[A-Za-z\d][A-Za-z\d.-]*:(?!\/\/)[^\s]+$/;

/**
 * Reads `https://host/repository.git#ref:folder`, `git://`, `ssh://`, `user@host:path` and the form with a query;
 * undefined for what is no git repository. Only these protocols are let through, nothing that git could take for
 * an option, and no folder outside of the repository. Throws InstructionFault.
 */
export function parseGitUrl(text: string): GitSource | undefined {
  if (/[\s\p{Cc}]/u.test(text) || text.length > 8192) return undefined;
  const { before, fragment } = cutFragment(text);
  const scheme = /^([a-z]+):\/\//i.exec(before)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    /* A Dockerfile's COPY may name a file `a:b`; a repository has a user before its host. */
    if (!scpForm.test(before) || !before.includes("@")) return undefined;
    return withFragment({ url: before, ...nothing }, fragment);
  }
  if (!["http", "https", "git", "ssh"].includes(scheme)) return undefined;
  const { address, query } = cutQuery(before);
  const path = /^[a-z]+:\/\/[^/]*(\/.*)?$/i.exec(address)?.[1] ?? "";
  if ((scheme === "http" || scheme === "https") && !path.endsWith(".git")) return undefined;
  const host = /^[a-z]+:\/\/(?:[^/@]*@)?([^/]*)/i.exec(address)?.[1] ?? "";
  const user = /^[a-z]+:\/\/([^/@]*)@/i.exec(address)?.[1] ?? "";
  if (host === "" || host.startsWith("-") || user.startsWith("-")) {
    throw new InstructionFault(`invalid git host in ${quoted(address)}`);
  }
  return withQuery(withFragment({ url: address, ...nothing }, fragment), query);
}

const nothing = {
  ref: "",
  subdirectory: "",
  checksum: null,
  keepGitFolder: null,
  submodules: true,
};

function cutFragment(text: string): { readonly before: string; readonly fragment: string } {
  const at = text.indexOf("#");
  return at < 0
    ? { before: text, fragment: "" }
    : { before: text.slice(0, at), fragment: text.slice(at + 1) };
}

function cutQuery(text: string): { readonly address: string; readonly query: string } {
  const at = text.indexOf("?");
  return at < 0
    ? { address: text, query: "" }
    : { address: text.slice(0, at), query: text.slice(at + 1) };
}

function withFragment(source: GitSource, fragment: string): GitSource {
  const colon = fragment.indexOf(":");
  const ref = colon < 0 ? fragment : fragment.slice(0, colon);
  const folder = colon < 0 ? "" : fragment.slice(colon + 1);
  return { ...source, ref: checkedRef(ref), subdirectory: checkedFolder(folder) };
}

function withQuery(source: GitSource, query: string): GitSource {
  let found = source;
  const seen = new Set<string>();
  let kind = "";
  for (const [key, value] of new URLSearchParams(query)) {
    if (seen.has(key)) throw new InstructionFault(`query ${quoted(key)} has multiple values`);
    seen.add(key);
    if (value === "" && key !== "submodules" && key !== "keep-git-dir") {
      throw new InstructionFault(`query ${quoted(key)} has no value`);
    }
    if (key === "ref") found = withRef(found, value);
    else if (key === "tag" || key === "branch") {
      if (kind !== "") throw new InstructionFault("branch conflicts with tag");
      kind = key;
      const prefix = key === "tag" ? "refs/tags/" : "refs/heads/";
      found = withRef(found, value.startsWith(prefix) ? value : prefix + value);
    } else if (key === "subdir") found = withFolder(found, value);
    else if (key === "checksum" || key === "commit") {
      found = { ...found, checksum: checkedCommit(value) };
    } else if (key === "keep-git-dir") {
      found = { ...found, keepGitFolder: booleanOf(key, value) };
    } else if (key === "submodules") found = { ...found, submodules: booleanOf(key, value) };
    else throw new InstructionFault(`unexpected query ${quoted(key)}`);
  }
  return found.ref === "" && found.checksum !== null ? { ...found, ref: found.checksum } : found;
}

function withRef(source: GitSource, ref: string): GitSource {
  if (source.ref !== "" && source.ref !== ref) {
    throw new InstructionFault(`ref conflicts: ${quoted(source.ref)} vs ${quoted(ref)}`);
  }
  return { ...source, ref: checkedRef(ref) };
}

function withFolder(source: GitSource, folder: string): GitSource {
  const subdirectory = checkedFolder(folder);
  if (source.subdirectory !== "" && source.subdirectory !== subdirectory) {
    throw new InstructionFault(
      `subdir conflicts: ${quoted(source.subdirectory)} vs ${quoted(subdirectory)}`,
    );
  }
  return { ...source, subdirectory };
}

function booleanOf(key: string, value: string): boolean {
  if (value === "" || /^(?:true|1|t)$/i.test(value)) return true;
  if (/^(?:false|0|f)$/i.test(value)) return false;
  throw new InstructionFault(`invalid ${key} value: ${quoted(value)}`);
}

/** git-check-ref-format(1), as far as it guards what git is given. */
function checkedRef(ref: string): string {
  if (ref === "") return ref;
  const isBad = ref.startsWith("-") || /[~^:?*[\\\p{Cc} ]|\.\.|@\{|\/\/|\.lock$|\/$/u.test(ref);
  if (isBad) throw new InstructionFault(`invalid git ref ${quoted(ref)}`);
  return ref;
}

/** A commit in full, or its beginning. */
export function checkedCommit(text: string): string {
  if (!/^[\da-f]{7,64}$/.test(text)) throw new InstructionFault(`invalid checksum ${quoted(text)}`);
  return text;
}

function checkedFolder(folder: string): string {
  const parts = folder.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.some((part) => part === ".." || part === ".git")) {
    throw new InstructionFault(`invalid subdirectory ${quoted(folder)} of a git repository`);
  }
  return parts.join("/");
}
