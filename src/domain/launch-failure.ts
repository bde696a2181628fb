import { DuetError } from "../kit/errors.ts";

export type LaunchVerb = "create" | "exec";

/** Docker tells so (moby's daemon/errors.go) wherever a runtime says "not a directory". */
const mountHint =
  "Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

const hints: Readonly<Record<string, string>> = {
  COMMAND_NOT_FOUND: "check the command's name and the image's PATH",
  COMMAND_NOT_EXECUTABLE: "check the file's mode, type and architecture",
};

/** What a launch fails by before its program is looked for; its codes are those of native/agent. */
const atInit = new Set(["MOUNT_FAILED", "TARGET_UNUSABLE", "READONLY_FAILED", "SYSCTL_FAILED"]);
const atLaunch = new Set([
  "COMMAND_NOT_FOUND",
  "COMMAND_NOT_EXECUTABLE",
  "DIRECTORY_UNUSABLE",
  "ULIMIT_FAILED",
  "USER_FAILED",
]);

/**
 * A failure of the shim's or agent's own way to a program, in the words that Docker has of its OCI runtime: clients
 * look for them. Codes that are not about the launch, and what is no DuetError, stay as they are.
 */
export function launchFailure(error: unknown, verb: LaunchVerb): unknown {
  if (!(error instanceof DuetError)) return error;
  const { class: errorClass, code, message } = error;
  if (!atInit.has(code) && !atLaunch.has(code)) return error;
  /* C's words for an errno begin in upper case, Go's in lower. */
  const words = message
    .replace(/: unknown$/, "")
    .replace(/: [A-Z](?=[^:"]*$)/, (start) => start.toLowerCase());
  const failed = verb === "create" ? "runc create failed" : "exec failed";
  const isInit = atInit.has(code) || (verb === "create" && code === "DIRECTORY_UNUSABLE");
  const init = isInit ? "error during container init: " : "";
  const said = `OCI runtime ${verb} failed: ${failed}: unable to start container process: ${init}${words}: unknown`;
  const hint = verb === "create" && Object.hasOwn(hints, code) ? { hint: hints[code]! } : {};
  return new DuetError(errorClass, code, withMountHint(said, verb), {
    cause: error,
    ...hint,
    ...(errorClass === "invalid" ? { http: 400 } : {}),
  });
}

/** Only of a start: Docker does not look through an exec's failure so. */
export function withMountHint(message: string, verb: LaunchVerb): string {
  return verb === "create" && message.includes("not a directory")
    ? `${message}: ${mountHint}`
    : message;
}

/** The exit code that Docker notes of a container whose start has failed. */
export function exitCodeOfFailure({ code, message }: DuetError): number {
  if (code === "COMMAND_NOT_FOUND" || message.endsWith(mountHint)) return 127;
  return code === "COMMAND_NOT_EXECUTABLE" ? 126 : 128;
}
