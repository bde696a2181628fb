import { createWriteStream } from "node:fs";
import { rename, unlink } from "node:fs/promises";
import { once } from "node:events";
import { Scope } from "../kit/scope.ts";
import type { Context } from "./command.ts";
import { usageError } from "./flags.ts";
import { writeOut } from "./terminal/terminal.ts";

/**
 * Writes a stream to `path` (by a temporary file beside it, so that a cut transfer leaves nothing
 * half-done) or to standard output, which must not be a terminal.
 */
export async function writeStreamTo(
  context: Context,
  path: string | undefined,
  body: AsyncIterable<Buffer>,
): Promise<void> {
  if (path === undefined) {
    refuseTerminal(context);
    for await (const bytes of body) if (!(await writeOut(context.terminal.output, bytes))) return;
    return;
  }
  await using scope = new Scope();
  const temporary = `${path}.${process.pid}.partial`;
  const file = createWriteStream(temporary, { flags: "wx", mode: 0o600 });
  scope.defer(() => unlink(temporary).catch(() => undefined));
  await once(file, "open");
  for await (const bytes of body) await writeOut(file, bytes);
  file.end();
  await once(file, "close");
  await rename(temporary, path);
  scope.commit();
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
