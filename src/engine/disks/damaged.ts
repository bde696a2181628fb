import { DuetError, isDuetError } from "../../kit/errors.ts";

/**
 * `invalid` FILE_SYSTEM_DAMAGED for what a machine's kernel says of a foreign file system that it cannot make sense of,
 * and for the end of what read it there: such a disk may take its reader along. Undefined for any other error.
 */
export function damaged(error: unknown, signal: AbortSignal): DuetError | undefined {
  if (!isDuetError(error) || signal.aborted) return undefined;
  const why = new Map([
    ["ROOT_MOUNT", error.message],
    ["TREE_FAILED", error.message],
    ["TREE_LINK_LOST", "what read it in a machine of its own ended over it"],
  ]).get(error.code);
  if (why === undefined) return undefined;
  return new DuetError(
    "invalid",
    "FILE_SYSTEM_DAMAGED",
    `the disk's file system is damaged, or needs what the guest's kernel has not · ${why}`,
    { cause: error, hint: "--partition takes another one" },
  );
}
