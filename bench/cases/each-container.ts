import type { Contestant } from "../timing.ts";
import type { CaseContext, Contender } from "./case.ts";
import type { CaseResult } from "../report.ts";
import { timeCase } from "./timed.ts";

/** Times one thing in turn for every contender, on what `prepare` made for it; undoes that afterwards. */
export async function timeEach(
  context: CaseContext,
  title: string,
  prepare: (contender: Contender) => Promise<{
    readonly run: () => Promise<void>;
    readonly reset?: () => Promise<void>;
    readonly undo: () => Promise<unknown>;
  }>,
): Promise<CaseResult> {
  const contestants: Contestant[] = [];
  const undo: (() => Promise<unknown>)[] = [];
  try {
    for (const contender of context.contenders) {
      const { run, reset, undo: last } = await prepare(contender);
      undo.push(last);
      contestants.push({ name: contender.name, run, ...(reset === undefined ? {} : { reset }) });
    }
    return await timeCase(context, title, contestants, 1);
  } finally {
    for (const step of undo) await step();
  }
}
