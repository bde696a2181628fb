import { DuetError } from "../src/kit/errors.ts";

/**
 * Runs one step of a tool and says so: on a terminal a line that counts the seconds, elsewhere one line
 * at the end. What the step returns, when it is text, stands on that line.
 */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const seconds = (): string => ((performance.now() - started) / 1000).toFixed(1);
  const live = process.stdout.isTTY;
  const ticker = live
    ? setInterval(() => process.stdout.write(`\r\u001b[K… ${name} ${seconds()} s`), 250)
    : undefined;
  try {
    const result = await work();
    const detail = typeof result === "string" ? `: ${result}` : "";
    process.stdout.write(`${live ? "\r\u001b[K" : ""}✓ ${name}${detail} (${seconds()} s)\n`);
    return result;
  } catch (error) {
    process.stdout.write(`${live ? "\r\u001b[K" : ""}✗ ${name} (${seconds()} s)\n`);
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

/**
 * Prints a failure of a tool as a sentence with its hint, and gives the exit code. Where undoing failed, too,
 * what came first stands first.
 */
export function reportFailure(error: unknown): number {
  if (error instanceof SuppressedError) {
    reportFailure(error.suppressed);
    return reportFailure(error.error);
  }
  if (!(error instanceof DuetError)) {
    const { name, cause } = error instanceof Error ? error : { name: "", cause: undefined };
    if (name === "AbortError" && cause instanceof DuetError) return reportFailure(cause);
    console.error(error);
    return 1;
  }
  console.error(`${error.message}${error.hint === undefined ? "" : `\n→ ${error.hint}`}`);
  if (error.cause instanceof AggregateError)
    for (const one of error.cause.errors) reportFailure(one);
  return 1;
}
