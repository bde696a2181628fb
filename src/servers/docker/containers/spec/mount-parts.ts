import { posix } from "node:path";
import { invalid } from "../../failures.ts";

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

export function checkTarget(target: string): string {
  if (!target.startsWith("/")) {
    throw invalid(`invalid mount config: mount path must be absolute: '${target.slice(0, 200)}'`);
  }
  if (posix.normalize(target).replace(/\/+$/, "") === "") {
    throw invalid("invalid mount config: invalid specification: destination can't be '/'");
  }
  return target;
}

export function isPropagation(text: string): text is (typeof propagations)[number] {
  return (propagations as readonly string[]).includes(text);
}
