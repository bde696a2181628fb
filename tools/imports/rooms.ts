/** What one room may import; the same as the list in docs/internals/rooms.md, which a test compares. */
export interface RoomRule {
  readonly room: string;
  /** Folder relative to the project, with a trailing slash. */
  readonly folder: string;
  /** Rooms it may import; "*" is every room. Its own files are always allowed. */
  readonly may: readonly string[];
  /** Each folder below is a room of its own that may not import its neighbours. */
  readonly apart?: boolean;
  /** `nothing`: neither Node's I/O nor npm packages. `files`: its own state folders, but no programs and no sockets. */
  readonly touches?: "nothing" | "files";
}

export const rooms: readonly RoomRule[] = [
  { room: "kit", folder: "src/kit/", may: [] },
  { room: "spec", folder: "src/spec/", may: [], touches: "nothing" },
  { room: "domain", folder: "src/domain/", may: ["kit"], touches: "nothing" },
  { room: "engine", folder: "src/engine/", may: ["domain", "kit"], touches: "files" },
  { room: "drivers", folder: "src/drivers/", may: ["domain", "kit", "spec"], apart: true },
  { room: "servers", folder: "src/servers/", may: ["engine", "domain", "spec", "kit"] },
  { room: "client", folder: "src/client/", may: ["spec", "kit"] },
  { room: "compare", folder: "src/compare/", may: ["client", "spec", "kit"] },
  { room: "cli", folder: "src/cli/", may: ["compare", "client", "spec", "kit"] },
  { room: "daemon", folder: "src/daemon/", may: ["*"] },
  { room: "bench", folder: "bench/", may: ["tools", "images", "client", "spec", "kit"] },
  { room: "images", folder: "images/", may: ["kit"] },
  { room: "tools", folder: "tools/", may: ["images", "client", "domain", "spec", "kit"] },
  { room: "test", folder: "test/", may: ["*"] },
];

const fileModules = new Set(["node:fs", "node:fs/promises", "node:os"]);
const outsideModules = new Set([
  "node:child_process",
  "node:cluster",
  "node:dgram",
  "node:dns",
  "node:dns/promises",
  "node:http",
  "node:http2",
  "node:https",
  "node:net",
  "node:sqlite",
  "node:tls",
  "node:tty",
  "node:worker_threads",
]);

/** Whether a room that touches so little may import a module that is not ours. */
export function mayTouch(rule: RoomRule, specifier: string): boolean {
  if (rule.touches === undefined) return true;
  if (!specifier.startsWith("node:") || outsideModules.has(specifier)) return false;
  return rule.touches === "files" || !fileModules.has(specifier);
}

/** A room as a node of the graph; `name` tells neighbours in an `apart` folder from each other. */
export interface Room {
  readonly rule: RoomRule;
  readonly name: string;
}

/** The room that a path lies in, or undefined outside of every room. */
export function roomOf(path: string): Room | undefined {
  const rule = rooms.find((candidate) => path.startsWith(candidate.folder));
  if (rule === undefined) return undefined;
  if (rule.apart !== true) return { rule, name: rule.room };
  const below = path.slice(rule.folder.length).split("/");
  return { rule, name: below.length > 1 ? `${rule.room}/${below[0]}` : rule.room };
}

/** Whether files of `from` may import files of `to`. */
export function mayImport(from: Room, to: Room): boolean {
  if (from.name === to.name) return true;
  return from.rule.may.includes("*") || from.rule.may.includes(to.rule.room);
}
