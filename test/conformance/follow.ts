import { spawn } from "node:child_process";
import { once } from "node:events";
import { minimalEnvironment } from "../../src/kit/subprocess.ts";

/** A program that runs, and what it has printed so far. */
export interface Followed {
  /** Resolves once it has printed a text; fails where it ends without. */
  said(text: string): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
  signal(name: NodeJS.Signals): void;
}

const longestMilliseconds = 300_000;

/** Starts a program whose output is looked at while it runs; it ends with the test at the latest. */
export function follow(
  [program, ...args]: readonly [program: string, ...args: string[]],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> },
): Followed {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: minimalEnvironment(options.env),
    signal: AbortSignal.timeout(longestMilliseconds),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let text = "";
  let isOver = false;
  let wake = (): void => undefined;
  const take = (piece: string): void => {
    text += piece;
    wake();
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, text }));
  ended
    .catch(() => undefined)
    .finally(() => {
      isOver = true;
      wake();
    });
  return {
    ended,
    signal: (name) => void child.kill(name),
    async said(wanted) {
      while (!text.includes(wanted)) {
        if (isOver) throw new Error(`ended without saying ${JSON.stringify(wanted)}: ${text}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
