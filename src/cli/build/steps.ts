import type { BuildProgress } from "../../client/build/builds.ts";
import { printable } from "../report-error.ts";

/** One step of a build as it was told so far. Times in seconds. */
export interface Step {
  /** From 1, in the order in which they began. */
  readonly number: number;
  readonly digest: string;
  name: string;
  startedAt: number;
  completedAt: number;
  cached: boolean;
  error: string;
  /** What it does within, such as a transfer, by its words. */
  readonly parts: Map<string, { current: number; total: number; done: boolean }>;
}

/** A line that a step printed. */
export interface OutputLine {
  readonly step: Step;
  /** Seconds since the step began. */
  readonly at: number;
  readonly text: string;
}

/** What one message of progress came to. */
export interface StepNews {
  readonly steps: readonly Step[];
  readonly lines: readonly OutputLine[];
  readonly warnings: readonly string[];
}

/** Longest line that is shown; the rest of it is left out. */
const longestLine = 4_000;

/** Gathers a build's progress by step. */
export class Steps {
  private readonly byDigest = new Map<string, Step>();
  private readonly open = new Map<Step, string>();

  get all(): readonly Step[] {
    return [...this.byDigest.values()];
  }

  take(progress: BuildProgress): StepNews {
    const changed = new Set<Step>();
    for (const vertex of progress.vertexes) {
      if (vertex.started === undefined) continue;
      const step = this.step(vertex.digest);
      step.name = printable(vertex.name);
      step.startedAt = seconds(vertex.started);
      step.completedAt = vertex.completed === undefined ? 0 : seconds(vertex.completed);
      step.cached = vertex.cached;
      step.error = printable(vertex.error);
      changed.add(step);
    }
    for (const { vertex, id, current, total, completed } of progress.statuses) {
      const step = this.byDigest.get(vertex);
      step?.parts.set(printable(id), { current, total, done: completed !== undefined });
      if (step !== undefined) changed.add(step);
    }
    const lines = progress.logs.flatMap(({ vertex, timestamp, message }) => {
      const step = this.byDigest.get(vertex);
      if (step === undefined) return [];
      const at = timestamp === undefined ? 0 : seconds(timestamp) - step.startedAt;
      return this.linesOf(step, Math.max(0, at), message.toString("utf8"));
    });
    for (const step of changed) {
      if (step.completedAt > 0) lines.push(...this.restOf(step));
    }
    const warnings = progress.warnings.map(({ short, url }) => {
      const text = printable(short.toString("utf8"));
      return url === "" ? text : `${text} (${printable(url)})`;
    });
    return { steps: [...changed], lines, warnings };
  }

  private step(digest: string): Step {
    const known = this.byDigest.get(digest);
    if (known !== undefined) return known;
    const step: Step = {
      ...{ number: this.byDigest.size + 1, digest, name: "", startedAt: 0, completedAt: 0 },
      ...{ cached: false, error: "", parts: new Map() },
    };
    this.byDigest.set(digest, step);
    return step;
  }

  /** Whole lines; what comes after the last waits for its end. */
  private linesOf(step: Step, at: number, text: string): OutputLine[] {
    const parts = `${this.open.get(step) ?? ""}${text}`.split("\n");
    this.open.set(step, (parts.pop() ?? "").slice(-longestLine));
    return parts.map((part) => ({ step, at, text: shown(part) }));
  }

  private restOf(step: Step): OutputLine[] {
    const rest = this.open.get(step) ?? "";
    this.open.delete(step);
    const at = step.completedAt - step.startedAt;
    return rest === "" ? [] : [{ step, at, text: shown(rest) }];
  }
}

/** Of a line that draws over itself, what is left at its end. */
function shown(line: string): string {
  const ended = line.endsWith("\r") ? line.slice(0, -1) : line;
  return printable(ended.slice(ended.lastIndexOf("\r") + 1).slice(0, longestLine));
}

function seconds(time: { readonly seconds: number; readonly nanos: number }): number {
  return time.seconds + time.nanos / 1e9;
}

/** `1.2s`. */
export function secondsText(step: Step, now: number): string {
  const end = step.completedAt > 0 ? step.completedAt : now;
  return `${Math.max(0, end - step.startedAt).toFixed(1)}s`;
}
