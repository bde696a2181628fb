import { NotHere, type Verdict } from "./verdict.ts";

/** Makes the case of that seed and looks at what Duet makes of it. */
export type Play = (seed: number) => Promise<Verdict>;

/**
 * Plays one case after another until all are played or `signal` aborts, and tells each one, but of those that
 * are counted by outcome the wrong ones only. Gives whether all were played and none was wrong.
 */
export async function playAll(
  play: Play,
  range: { readonly first: number; readonly count: number },
  signal: AbortSignal,
): Promise<boolean> {
  const tally = { played: 0, wrong: 0, notHere: 0 };
  const outcomes = new Map<string, number>();
  let [slowestCase, slowestPing] = [0, 0];
  for (let seed = range.first; seed < range.first + range.count; seed += 1) {
    if (signal.aborted) break;
    const begun = performance.now();
    const verdict = await play(seed).catch((error: unknown) => failed(seed, error));
    if (signal.aborted) break;
    const milliseconds = performance.now() - begun;
    tally.played += 1;
    if (verdict === null) {
      tally.notHere += 1;
      continue;
    }
    slowestCase = Math.max(slowestCase, milliseconds);
    slowestPing = Math.max(slowestPing, verdict.slowestPing ?? 0);
    if (verdict.found.length > 0) tally.wrong += 1;
    if (verdict.outcome !== undefined)
      outcomes.set(verdict.outcome, (outcomes.get(verdict.outcome) ?? 0) + 1);
    if (verdict.outcome === undefined || verdict.found.length > 0) tell(verdict, milliseconds);
  }
  for (const [what, times] of [...outcomes].toSorted((one, other) => other[1] - one[1]))
    console.log(`  ${times} × ${what}`);
  const pings = slowestPing > 0 ? `, the slowest ping ${slowestPing.toFixed(0)} ms` : "";
  console.log(
    `${tally.played} of ${range.count} cases, ${tally.wrong} wrong, ${tally.notHere} not for this host; ` +
      `the slowest ${(slowestCase / 1_000).toFixed(1)} s${pings}`,
  );
  return tally.wrong === 0 && tally.played === range.count;
}

/** A case that broke is wrong, one that is not for this host is none: null. */
function failed(seed: number, error: unknown): Verdict | null {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof NotHere)) return { name: `${seed}`, found: [`it broke: ${message}`] };
  console.log(`not here ${seed}: ${message}`);
  return null;
}

function tell({ name, found }: Verdict, milliseconds: number): void {
  const seconds = (milliseconds / 1_000).toFixed(1);
  console.log(`${found.length === 0 ? "right" : "WRONG"} ${name} (${seconds} s)`);
  for (const line of found) console.log(`    ${line}`);
}
