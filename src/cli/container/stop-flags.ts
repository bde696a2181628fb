import type { FlagSpec, Flags } from "../flags.ts";

/** How a container is asked to end, and for how long. */
export const stopFlags: readonly FlagSpec[] = [
  { name: "signal", short: "s", kind: "string", summary: "Signal to send to the container" },
  {
    name: "timeout",
    short: "t",
    kind: "integer",
    summary: "Seconds to wait before killing the container",
  },
  { name: "time", kind: "integer", summary: "As --timeout", hidden: true },
];

export function stopQuery(flags: Flags): {
  readonly timeout: number | undefined;
  readonly signal: string | undefined;
} {
  const timeout = flags.integer("timeout") ?? flags.integer("time");
  return { timeout, signal: flags.string("signal") };
}
