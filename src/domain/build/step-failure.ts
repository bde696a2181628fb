import { DuetError, toDuetError } from "../../kit/errors.ts";
import type { SourceRange } from "./source-range.ts";

/** A step that failed, with where it stands in the Dockerfile and the last that it said. */
export class StepFailure extends DuetError {
  /** Such as `[build 2/5] RUN make`. */
  readonly step: string;
  readonly range: SourceRange;
  /** The process's; null where no process ended by itself. */
  readonly exitCode: number | null;
  /** What the process was, as words. */
  readonly argv: readonly string[];
  /** The end of its output. */
  readonly output: Buffer;

  constructor(
    place: { readonly step: string; readonly range: SourceRange },
    cause: unknown,
    process: {
      readonly exitCode: number | null;
      readonly argv: readonly string[];
      readonly output: Buffer;
    } = { exitCode: null, argv: [], output: Buffer.alloc(0) },
  ) {
    const known = toDuetError(cause);
    super(known.class, known.code, known.message, {
      cause: known,
      http: known.http,
      subject: `${place.step}, line ${place.range.first} of the Dockerfile`,
      ...(known.hint === undefined ? {} : { hint: known.hint }),
    });
    this.step = place.step;
    this.range = place.range;
    this.exitCode = process.exitCode;
    this.argv = process.argv;
    this.output = process.output;
  }
}
