import { race } from "../../kit/abort.ts";
import type { Answer } from "./exchange.ts";
import { isPassingError } from "./failures.ts";
import type { RegistryPatience } from "./registry-config.ts";

const passingStatus = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Repeats `attempt` while it fails in a way that passes, with exponential pauses and full jitter,
 * or as long as the registry asks. Where it asks for more than `patience.longestAsked` its answer is given at once.
 */
export async function withRetries(
  patience: RegistryPatience,
  signal: AbortSignal,
  attempt: () => Promise<Answer>,
): Promise<Answer> {
  let asks = patience.longestAsked;
  for (let tried = 1; ; tried += 1) {
    let asked = 0;
    try {
      const answer = await attempt();
      if (!passingStatus.has(answer.status) || tried >= patience.attempts) return answer;
      asked = retryAfter(answer.header("retry-after")) ?? 0;
      if (asked > asks) return answer;
      asks -= asked;
      await answer.discard();
    } catch (error) {
      if (!isPassingError(error) || tried >= patience.attempts) throw error;
    }
    await pause(pauseLength(patience, tried, asked), signal);
  }
}

/** Milliseconds before try number `tried` + 1. */
export function pauseLength(patience: RegistryPatience, tried: number, asked = 0): number {
  const ceiling = Math.min(patience.retry * 2 ** (tried - 1), patience.longestRetry);
  const jittered = ceiling * (0.5 + Math.random() / 2);
  return Math.max(jittered, Math.min(asked, patience.longestAsked));
}

/** Milliseconds that a Retry-After header (RFC 9110: seconds or a date) asks for; undefined for anything else. */
export function retryAfter(
  value: string | undefined,
  now: number = Date.now(),
): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,15}$/.test(value)) return Number(value) * 1_000;
  const date = /^[A-Z][a-z]{2,8}, .{1,40} GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}

export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await race(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
