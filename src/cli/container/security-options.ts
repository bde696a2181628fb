import { readFileSync } from "node:fs";
import { reasonOf } from "../../kit/errors.ts";
import { usageError } from "../flags.ts";

/** `--security-opt` words; a seccomp profile named by path is sent with its content, as Docker's CLI does. */
export function securityOptions(words: readonly string[]): string[] {
  return words.map((word) => {
    const separator = word.includes("=") ? "=" : ":";
    const [key = "", ...rest] = word.split(separator);
    const value = rest.join(separator);
    if (key !== "no-new-privileges" && value === "") {
      throw usageError(
        "BAD_SECURITY_OPTION",
        `invalid --security-opt: "${word}"`,
        "write key=value",
      );
    }
    if (key !== "seccomp" || value === "unconfined" || value === "builtin") return word;
    return `seccomp=${profileAt(value)}`;
  });
}

function profileAt(path: string): string {
  try {
    return JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why = reasonOf(error) ?? "not JSON";
    throw usageError("BAD_SECCOMP_PROFILE", `cannot read the seccomp profile · ${why} · ${path}`);
  }
}
