import type { BuildProgress } from "../../client/build/builds.ts";
import { LastOutput } from "./last-output.ts";
import { Steps } from "./steps.ts";

/** Says nothing until a step has failed: then what it is and what it printed last. */
export class QuietProgress implements Disposable {
  private readonly write: (line: string) => void;
  private readonly steps = new Steps();
  private readonly output = new LastOutput();

  constructor(write: (line: string) => void) {
    this.write = write;
  }

  show(progress: BuildProgress): void {
    this.output.add(this.steps.take(progress));
  }

  [Symbol.dispose](): void {
    for (const step of this.steps.all) {
      const lines = this.output.of(step);
      if (step.error === "" || lines.length === 0) continue;
      this.write(`${step.name}:`);
      for (const line of lines) this.write(`  ${line}`);
    }
  }
}
