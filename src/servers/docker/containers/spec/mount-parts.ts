import { posix } from "node:path";
import { DuetError } from "../../../../kit/errors.ts";
import { invalid } from "../../failures.ts";

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

/** Why a target cannot be one, in Docker's words, or "". */
export function targetFault(target: string): string {
  if (target === "") return "field Target must not be empty";
  if (!target.startsWith("/")) {
    return `invalid mount path: '${target.slice(0, 200)}' mount path must be absolute`;
  }
  const isRoot = posix.normalize(target).replace(/\/+$/, "") === "";
  return isRoot ? "invalid specification: destination can't be '/'" : "";
}

export function checkTarget(target: string, what: (fault: string) => Error): string {
  const fault = targetFault(target);
  if (fault === "") return target;
  throw what(fault);
}

/** `--mount`'s faults. */
export function badMount(type: string, fault: string): DuetError {
  return invalid(`invalid mount config for type "${type.slice(0, 40)}": ${fault}`);
}

/** `-v`'s faults, which Docker answers with 500. */
export function badSpecification(message: string): DuetError {
  return new DuetError("invalid", "REQUEST_INVALID", message, { http: 500 });
}

export function isPropagation(text: string): text is (typeof propagations)[number] {
  return (propagations as readonly string[]).includes(text);
}
