import { randomBytes } from "node:crypto";
import { DuetError } from "../kit/errors.ts";

/** `container`: namespaces and cgroups through an OCI runtime. `vm`: a kernel of its own under QEMU. */
export type Isolation = "container" | "vm";

/** 64 lower-case hexadecimal digits, as Docker's object ids. */
export type ObjectId = string;

export function newObjectId(): ObjectId {
  return randomBytes(32).toString("hex");
}

export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Docker's rule for names of containers, networks and volumes. */
export function checkObjectName(kind: string, name: string): void {
  if (name.length <= 255 && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw new DuetError(
    "invalid",
    "NAME_INVALID",
    `Invalid ${kind} name (${name.slice(0, 80)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    {
      hint: "use at least two letters, digits, dots, dashes or underscores, starting with a letter or digit",
    },
  );
}
