import { constants } from "node:fs";
import { open, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { errnoOf, isDuetError, reasonOf } from "../kit/errors.ts";
import { Scope } from "../kit/scope.ts";
import type { Context } from "./command.ts";
import { usageError, type FlagSpec } from "./flags.ts";
import { writeOut } from "./terminal/terminal.ts";

export const outputFileFlag: FlagSpec = {
  name: "output",
  short: "o",
  kind: "string",
  summary: "Write to a file, instead of STDOUT",
  completes: "files",
};

/** Writes a stream to `path` or to standard output, which must not be a terminal. */
export async function writeStreamTo(
  context: Context,
  path: string | undefined,
  body: AsyncIterable<Buffer>,
): Promise<void> {
  if (path !== undefined) {
    await writeFileWith(path, (file) => pipeline(body, file.createWriteStream()));
    return;
  }
  refuseTerminal(context);
  for await (const bytes of body) if (!(await writeOut(context.terminal.output, bytes))) return;
}

/**
 * Makes the file `path` by a temporary one beside it that `fill` writes, so that a cut transfer leaves
 * nothing half-done. A device or a pipe such as /dev/null is written as it is: a file must never take its place. Throws `invalid` FILE_UNWRITABLE where the file cannot be made.
 */
export async function writeFileWith(
  path: string,
  fill: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await using scope = new Scope();
  const temporary = `${path}.${process.pid}.partial`;
  try {
    if (await isSpecial(path)) {
      await using special = await open(path, constants.O_WRONLY);
      await fill(special);
      return;
    }
    await using file = await open(temporary, "wx", 0o600);
    scope.defer(() => unlink(temporary).catch(() => undefined));
    await fill(file);
    await rename(temporary, path);
  } catch (error) {
    throw unwritable(path, error);
  }
  scope.commit();
}

async function isSpecial(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    return !stats.isFile() && !stats.isDirectory();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Of a connection's errors none is of a file, and a write's names no path. */
function unwritable(path: string, error: unknown): unknown {
  const isOfFile =
    (error instanceof Error && "path" in error) ||
    ["ENOSPC", "EDQUOT", "EFBIG", "EIO"].includes(errnoOf(error) ?? "");
  if (!isOfFile || isDuetError(error)) return error;
  const why = reasonOf(error) ?? "it failed";
  return usageError("FILE_UNWRITABLE", `cannot write the file · ${why} · ${path}`);
}

/** Throws `invalid` when binary output would go to a terminal. */
export function refuseTerminal(context: Context): void {
  if (context.terminal.outputIsTerminal) {
    throw usageError(
      "OUTPUT_IS_TERMINAL",
      "cowardly refusing to write an archive to a terminal",
      "use -o FILE or redirect",
    );
  }
}
