import type { Step, StepNews } from "./steps.ts";

const keptLines = 40;

/** The last lines that each step of a build printed. */
export class LastOutput {
  private readonly lines = new Map<Step, string[]>();

  add({ lines }: StepNews): void {
    for (const { step, text } of lines) {
      const known = this.lines.get(step) ?? [];
      known.push(text);
      if (known.length > keptLines) known.shift();
      this.lines.set(step, known);
    }
  }

  /** `count` of them at most, the last one last. */
  of(step: Step, count = keptLines): readonly string[] {
    return this.lines.get(step)?.slice(-count) ?? [];
  }
}
