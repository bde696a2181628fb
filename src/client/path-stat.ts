import { DuetError } from "../kit/errors.ts";
import type { ContainerPathStat } from "./api-types.ts";

const directoryBit = 2 ** 31;
const symlinkBit = 2 ** 27;

/** Decodes the header X-Docker-Container-Path-Stat (base64 of JSON). */
export function readPathStat(headers: ReadonlyMap<string, string>): ContainerPathStat {
  const header = headers.get("x-docker-container-path-stat");
  if (header === undefined) {
    throw new DuetError("corrupt", "NO_PATH_STAT", "the daemon did not say what the path is");
  }
  return JSON.parse(Buffer.from(header, "base64").toString("utf8")) as ContainerPathStat;
}

/** Go's os.FileMode bits, as Docker sends them. */
export function isDirectory(stat: ContainerPathStat): boolean {
  return Math.floor(stat.mode / directoryBit) % 2 === 1;
}

export function isSymlink(stat: ContainerPathStat): boolean {
  return Math.floor(stat.mode / symlinkBit) % 2 === 1;
}
