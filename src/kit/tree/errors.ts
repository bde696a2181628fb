import { constants } from "node:os";
import { DuetError, type ErrorClass } from "../errors.ts";

interface Meaning {
  readonly class: ErrorClass;
  readonly code: string;
  readonly hint?: string;
}

const errnoNames: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

const meanings: Readonly<Record<string, Meaning>> = {
  ENOENT: { class: "not-found", code: "PATH_NOT_FOUND" },
  ENOTDIR: { class: "invalid", code: "NOT_A_DIRECTORY" },
  EISDIR: { class: "invalid", code: "IS_A_DIRECTORY" },
  EINVAL: { class: "invalid", code: "PATH_UNSUITABLE" },
  ENAMETOOLONG: { class: "invalid", code: "NAME_TOO_LONG" },
  ELOOP: { class: "denied", code: "PATH_ESCAPES" },
  EXDEV: { class: "denied", code: "PATH_ESCAPES" },
  EACCES: { class: "denied", code: "ACCESS_DENIED" },
  EPERM: { class: "denied", code: "ACCESS_DENIED" },
  EROFS: { class: "denied", code: "READ_ONLY" },
  EEXIST: { class: "conflict", code: "PATH_EXISTS" },
  EBUSY: { class: "conflict", code: "PATH_BUSY" },
  ETXTBSY: { class: "conflict", code: "PATH_BUSY" },
  ENOSPC: {
    class: "exhausted",
    code: "NO_SPACE",
    hint: "free space on the disk, or remove images and containers",
  },
  EDQUOT: { class: "exhausted", code: "NO_SPACE", hint: "free space, or ask for a larger quota" },
  EMFILE: {
    class: "exhausted",
    code: "TOO_DEEP",
    hint: "the tree has too many levels for this host's limits",
  },
  ENOMEM: { class: "exhausted", code: "NO_MEMORY" },
  EFBIG: { class: "too-large", code: "FILE_TOO_LARGE" },
  EMLINK: { class: "exhausted", code: "TOO_MANY_LINKS" },
  ESRCH: { class: "not-found", code: "PROCESS_NOT_FOUND" },
};

/** What the helper answered, as a DuetError: its errno decides the class and code. */
export function treeError(number: number, what: string, path: string): DuetError {
  const name = errnoNames.get(number) ?? `errno ${number}`;
  const meaning = meanings[name] ?? { class: "internal", code: "TREE_FAILED" };
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  return new DuetError(meaning.class, meaning.code, `cannot ${what} ${shown}: ${name}`, {
    subject: `path ${shown}`,
    ...(meaning.hint === undefined ? {} : { hint: meaning.hint }),
  });
}

/** The helper, or the link to it, ended before it answered. */
export function treeLost(why: string): DuetError {
  return new DuetError("unavailable", "TREE_LINK_LOST", `the file system helper is gone: ${why}`);
}
