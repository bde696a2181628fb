import { constants } from "node:fs";
import type { ContextEntry } from "../../../domain/build/files.ts";
import { DuetError } from "../../../kit/errors.ts";
import { isRegularFile, receiveFolder } from "./receive.ts";
import type { Session } from "./session.ts";

/** Bytes of a Dockerfile or .dockerignore; BuildKit's limit for metadata that it reads of a client. */
const maximumSize = 8 << 20;
const maximumLinks = 40;

/** Some small files of a client's folder by path, their links followed inside the folder. */
export async function readSmallFiles(
  session: Session,
  folder: string,
  paths: readonly string[],
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const entries = new Map<string, ContextEntry>();
  const contents = new Map<string, Buffer>();
  await receiveFolder(
    session,
    { name: folder, exclude: [], follow: paths },
    {
      begin: async (all) => {
        for (const entry of all) entries.set(entry.path.toString(), entry);
        const files = all.filter(isRegularFile);
        const size = files.reduce((sum, file) => sum + file.size, 0);
        if (size <= maximumSize && files.length <= 4 * paths.length + maximumLinks) return files;
        throw new DuetError("too-large", "DOCKERFILE_TOO_LARGE", `${paths[0]} is too large`);
      },
      file: async (entry, content) => {
        const parts: Buffer[] = [];
        for await (const part of content) parts.push(part);
        contents.set(entry.path.toString(), Buffer.concat(parts));
      },
      end: async () => undefined,
    },
    onBytes,
    signal,
  );
  const found = new Map<string, Buffer>();
  for (const path of paths) {
    const content = contents.get(resolveLinks(entries, path));
    if (content !== undefined) found.set(path, content);
  }
  return found;
}

/** Where a path leads; a link that is absolute begins at the folder. */
function resolveLinks(entries: ReadonlyMap<string, ContextEntry>, path: string): string {
  let rest = path.split("/").filter((part) => part !== "");
  let done: string[] = [];
  for (let links = 0; rest.length > 0;) {
    const [part = "", ...more] = rest;
    rest = more;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const entry = entries.get([...done, part].join("/"));
    const isLink = entry !== undefined && (entry.mode & constants.S_IFMT) === constants.S_IFLNK;
    if (!isLink) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > maximumLinks) return "";
    const target = entry.link.toString();
    if (target.startsWith("/")) done = [];
    rest = [...target.split("/"), ...rest];
  }
  return done.join("/");
}
