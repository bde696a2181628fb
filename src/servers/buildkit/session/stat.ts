import { constants } from "node:fs";
import type { ContextEntry } from "../../../domain/build/files.ts";
import { DuetError } from "../../../kit/errors.ts";
import { posixMode } from "../../../kit/go-file-mode.ts";
import type { Stat } from "../../../spec/buildkit/file-sync.ts";

const maximumPath = 4096;
const maximumAttributes = 128;
/** Entries of one context. */
export const maximumEntries = 1_000_000;

/** Checks what a client says that its folder holds: paths inside it, each once, folders before their content. */
export class EntryReader {
  readonly entries: (ContextEntry | null)[] = [];
  private readonly kinds = new Map<string, number>();

  /** Throws `invalid` CONTEXT_INVALID. Sockets are left out, as BuildKit's clients leave them out. */
  add(stat: Stat): void {
    const mode = posixMode(stat.mode);
    const kind = mode & constants.S_IFMT;
    const key = this.check(stat.path);
    this.kinds.set(key, kind);
    if (kind === constants.S_IFSOCK) {
      this.entries.push(null);
      return;
    }
    const isLink = stat.link.length > 0;
    if (isLink && kind === constants.S_IFREG) this.checkHardLink(stat);
    if (stat.link.length > maximumPath || stat.attributes.size > maximumAttributes) {
      throw invalid(stat.path, "it has too long a link or too many attributes");
    }
    this.entries.push({
      path: Buffer.from(stat.path),
      mode,
      uid: stat.uid,
      gid: stat.gid,
      size: kind === constants.S_IFREG && !isLink ? Math.max(0, stat.size) : 0,
      modifiedAt: stat.modifiedAt,
      link: Buffer.from(stat.link),
      attributes: [...stat.attributes].map(([name, value]) => ({
        name: Buffer.from(name),
        value: Buffer.from(value),
      })),
    });
  }

  private check(path: Buffer): string {
    const key = path.toString("latin1");
    const parts = key.split("/");
    const isBroken = parts.some((part) => part === "" || part === "." || part === "..");
    if (isBroken || key.includes("\0") || path.length > maximumPath) {
      throw invalid(path, "it is no path inside the folder");
    }
    if (this.kinds.has(key)) throw invalid(path, "it comes twice");
    const parent = parts.slice(0, -1).join("/");
    if (parent !== "" && this.kinds.get(parent) !== constants.S_IFDIR) {
      throw invalid(path, "it comes before its folder");
    }
    return key;
  }

  private checkHardLink(stat: Stat): void {
    const target = this.kinds.get(stat.link.toString("latin1"));
    if (target !== constants.S_IFREG) throw invalid(stat.path, "it links to no file before it");
  }
}

function invalid(path: Buffer, why: string): DuetError {
  const shown = JSON.stringify(path.toString("utf8").slice(0, 200));
  return new DuetError(
    "invalid",
    "CONTEXT_INVALID",
    `the client sent a file that cannot be: ${why}: ${shown}`,
  );
}
