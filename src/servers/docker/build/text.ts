import { StringDecoder } from "node:string_decoder";
import type { BuildEvent } from "../../../domain/build/event.ts";
import type { Digest } from "../../../domain/digest.ts";
import type { ClassicLine } from "./lines.ts";

/** Most characters of output kept of a step that others of the Dockerfile are still before. */
const keptOutput = 256 << 10;

function isBase({ vertex }: Pick<ClassicLine, "vertex">): boolean {
  return vertex?.endsWith(" FROM ") ?? false;
}

interface StepState {
  readonly line: ClassicLine;
  isDone: boolean;
  isCached: boolean;
  /** What it has said before its turn to be shown. */
  waiting: string[];
  length: number;
}

/**
 * The classic builder's text of a build whose stages run side by side: its steps stand in the Dockerfile's order, so
 * what is said by a step that others are before is held back until it is its turn.
 */
export class ClassicText {
  private readonly steps: readonly StepState[];
  private readonly print: (text: string) => void;
  private readonly owners = new Map<Digest, StepState>();
  private readonly decoders = new Map<string, StringDecoder>();
  private at = 0;
  private isBegun = false;

  constructor(lines: readonly ClassicLine[], print: (text: string) => void) {
    this.steps = lines.map((line) => ({
      ...{ line, isDone: line.vertex === null, isCached: false },
      ...{ waiting: [], length: 0 },
    }));
    this.print = print;
    this.advance();
  }

  readonly tell = (event: BuildEvent): void => {
    if (event.kind === "vertex") {
      const step = this.ownerOf(event);
      if (step === undefined) return;
      if (event.completedAt !== null && event.error === "") {
        step.isDone = true;
        step.isCached = event.cached && !isBase(step.line);
      }
      this.advance();
    } else if (event.kind === "log") {
      const step = this.owners.get(event.vertex);
      if (step !== undefined) this.output(step, event);
    }
  };

  /** Shows what is left of steps that came to nothing, up to the one that failed. */
  end(): void {
    for (const step of this.steps.slice(this.at)) {
      if (step.waiting.length === 0) continue;
      if (this.steps[this.at] !== step) this.printHeader(step);
      for (const text of step.waiting) this.print(text);
      step.waiting = [];
    }
  }

  private ownerOf(event: Extract<BuildEvent, { kind: "vertex" }>): StepState | undefined {
    const known = this.owners.get(event.vertex);
    if (known !== undefined) return known;
    const step = this.steps.find(
      ({ line: { vertex } }) =>
        vertex !== null &&
        (isBase({ vertex }) ? event.name.startsWith(vertex) : event.name === vertex),
    );
    if (step !== undefined) this.owners.set(event.vertex, step);
    return step;
  }

  private output(step: StepState, event: Extract<BuildEvent, { kind: "log" }>): void {
    const key = `${event.vertex} ${event.stream}`;
    let decoder = this.decoders.get(key);
    if (decoder === undefined) this.decoders.set(key, (decoder = new StringDecoder("utf8")));
    const text = decoder.write(Buffer.from(event.data));
    if (text === "") return;
    const shown = event.stream === "stderr" ? `\u001B[91m${text}\u001B[0m` : text;
    if (this.steps[this.at] === step) {
      this.print(shown);
      return;
    }
    step.waiting.push(shown);
    step.length += shown.length;
    while (step.length > keptOutput) step.length -= step.waiting.shift()!.length;
  }

  /** Shows all steps whose turn it is. */
  private advance(): void {
    for (;;) {
      const step = this.steps[this.at];
      if (step === undefined) return;
      if (!this.isBegun) {
        this.printHeader(step);
        this.isBegun = true;
        for (const text of step.waiting) this.print(text);
        step.waiting = [];
      }
      if (!step.isDone) return;
      if (step.isCached) this.print(" ---> Using cache\n");
      this.at += 1;
      this.isBegun = false;
    }
  }

  private printHeader(step: StepState): void {
    const number = this.steps.indexOf(step) + 1;
    this.print(`Step ${number}/${this.steps.length} : ${step.line.text}`);
    this.print("\n");
  }
}
