import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The version in the package.json above this file. */
export function clientVersion(): string {
  for (let folder = import.meta.dirname; folder !== "/"; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (!existsSync(path)) continue;
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && "version" in value)
      return String(value.version);
  }
  return "unknown";
}
