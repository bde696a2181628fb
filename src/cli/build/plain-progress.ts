import type { BuildProgress } from "../../client/build/builds.ts";
import { Steps, secondsText, type Step } from "./steps.ts";

/** Progress as lines that are never drawn over, each with its step's number: for logs and pipes. */
export class PlainProgress implements Disposable {
  private readonly write: (line: string) => void;
  private readonly steps = new Steps();
  private readonly told = new Map<Step, string>();
  private readonly ended = new Set<Step>();
  private last: Step | undefined;

  constructor(write: (line: string) => void) {
    this.write = write;
  }

  show(progress: BuildProgress): void {
    const news = this.steps.take(progress);
    for (const step of news.steps) this.begin(step);
    for (const { step, at, text } of news.lines) this.line(step, `${at.toFixed(3)} ${text}`);
    for (const warning of news.warnings) this.write(`WARNING: ${warning}`);
    for (const step of news.steps) this.end(step);
  }

  [Symbol.dispose](): void {
    /* Every line is out already. */
  }

  private begin(step: Step): void {
    if (this.told.has(step)) return;
    this.told.set(step, "");
    this.write("");
    this.line(step, step.name);
  }

  private line(step: Step, text: string): void {
    if (this.last !== undefined && this.last !== step && text !== step.name) {
      this.write("");
      this.write(`#${step.number} ${step.name}`);
    }
    this.last = step;
    this.write(`#${step.number} ${text}`);
  }

  private end(step: Step): void {
    if (step.completedAt === 0 || this.ended.has(step)) return;
    this.ended.add(step);
    for (const [name, part] of step.parts) {
      if (part.done) this.line(step, `${name} done`);
    }
    if (step.error.endsWith("context canceled")) this.line(step, "CANCELED");
    else if (step.error !== "") this.line(step, `ERROR: ${step.error}`);
    else this.line(step, step.cached ? "CACHED" : `DONE ${secondsText(step, 0)}`);
  }
}
