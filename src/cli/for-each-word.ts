import type { Context } from "./command.ts";
import { reportError } from "./report-error.ts";

const atOnce = 32;

/**
 * Does `action` for every word of the line, some side by side, and prints what each gives (its word
 * when it gives nothing) in the line's order. A failure is reported and the others go on; then the
 * exit code is 1.
 */
export async function forEachWord(
  context: Context,
  action: (word: string) => Promise<string | void>,
  words: readonly string[] = context.words,
): Promise<number> {
  let code = 0;
  for (let from = 0; from < words.length; from += atOnce) {
    const batch = words.slice(from, from + atOnce);
    const results = await Promise.allSettled(batch.map(action));
    for (const [index, result] of results.entries()) {
      if (result.status === "fulfilled") context.terminal.print(result.value ?? batch[index]!);
      else {
        reportError(context.terminal, result.reason, context.global.debug);
        code = 1;
      }
    }
  }
  return code;
}
