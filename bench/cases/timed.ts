import type { CaseResult } from "../report.ts";
import { timeInTurn, type Contestant } from "../timing.ts";
import type { CaseContext } from "./case.ts";

/** Times contestants in turn; one row of milliseconds for each. */
export async function timeCase(
  { rounds, reference }: Pick<CaseContext, "rounds" | "reference">,
  title: string,
  contestants: readonly Contestant[],
  warmUp?: number,
): Promise<CaseResult> {
  const times = await timeInTurn(contestants, rounds, warmUp);
  const rows = contestants.map(({ name }) => ({
    contestant: name,
    unit: "ms",
    values: times.get(name) ?? [],
  }));
  return { title, reference, notes: [], rows };
}
