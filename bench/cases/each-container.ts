import { timeInTurn, type Contestant } from "../timing.ts";
import type { CaseContext, Contender } from "./case.ts";
import type { CaseResult } from "../report.ts";

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
    const times = await timeInTurn(contestants, context.rounds, 1);
    const rows = contestants.map(({ name }) => ({
      contestant: name,
      unit: "ms",
      values: times.get(name) ?? [],
    }));
    return { title, reference: context.reference, notes: [], rows };
  } finally {
    for (const step of undo) await step();
  }
}
