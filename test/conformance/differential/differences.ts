import { compareAnswers, type Difference } from "./compare.ts";
import { decisions, type Decision } from "./decided.ts";
import { cleanUp } from "./engines.ts";
import { play, type Engine, type Played } from "./play.ts";
import { isRecordedIn, type Recording } from "./recording.ts";
import type { Json } from "./reading.ts";
import type { Scenario } from "./scenario.ts";

export interface Found extends Difference {
  /** Scenario, step and place, as decisions match it. */
  readonly where: string;
  readonly version: string;
}

/** Plays a scenario against one daemon, and removes what it left. */
export async function playOne(
  engine: Engine,
  scenario: Scenario,
  version: string,
): Promise<readonly Played[]> {
  const played = await play(engine, scenario, version);
  await cleanUp(engine);
  return played;
}

/** What of `duet`'s answers is not as in `docker`'s. */
export function differencesOf(
  scenario: Scenario,
  version: string,
  docker: readonly Played[],
  duet: readonly Played[],
): readonly Found[] {
  return docker.flatMap(({ step, answer }, index) =>
    compareAnswers(answer, duet[index]!.answer).map((difference) => ({
      ...difference,
      where: `${scenario.name} · ${step} · ${difference.place}`,
      version,
    })),
  );
}

/** What of `duet`'s answers is not as recorded; steps without a record are passed over. */
export function differencesFromRecord(
  scenario: Scenario,
  version: string,
  recording: Recording,
  duet: readonly Played[],
): readonly Found[] {
  const isRecorded = isRecordedIn(scenario, version);
  const known = duet.filter(
    ({ step }) => isRecorded && recording.has(`${scenario.name} · ${step}`),
  );
  const recorded = known.map((played) => ({
    ...played,
    answer: recording.get(`${scenario.name} · ${played.step}`)!,
  }));
  return differencesOf(scenario, version, recorded, known);
}

/**
 * Differences from an older dockerd at places where Duet answers as the recorded newer one does, or as
 * was decided beside that one, are Docker's own.
 */
export function withoutDockersOwn(
  older: readonly Found[],
  newer: readonly Found[],
  recording: Recording,
): readonly Found[] {
  const undecided = new Set(judge(newer, newerName).undecided.map(({ where }) => where));
  return older.filter(({ where }) => {
    const step = where.slice(0, where.lastIndexOf(" · "));
    return !recording.has(step) || undecided.has(where);
  });
}

/** The daemon that recordings are of. */
export const newerName = "docker 28.5.2";

/** Those that nobody decided upon, and the decisions that no difference shows any more. */
export function judge(
  found: readonly Found[],
  docker: string,
  decided: readonly Decision[] = decisions,
): { readonly undecided: readonly Found[]; readonly unseen: readonly Decision[] } {
  const valid = decided.filter(({ beside }) => beside === undefined || docker.includes(beside));
  const used = new Set<Decision>();
  const undecided = found.filter((difference) => {
    const decision = valid.find((one) => covers(one, difference));
    if (decision !== undefined) used.add(decision);
    return decision === undefined;
  });
  return { undecided, unseen: valid.filter((decision) => !used.has(decision)) };
}

function covers({ where, docker, duet }: Decision, difference: Found): boolean {
  return (
    where.test(difference.where) &&
    (docker === undefined || docker.test(textOf(difference.docker))) &&
    (duet === undefined || duet.test(textOf(difference.duet)))
  );
}

function textOf(value: Json | undefined): string {
  return value === undefined ? "undefined" : JSON.stringify(value);
}

export function describe({ where, docker, duet, version }: Found): string {
  const shown = (value: Json | undefined): string => textOf(value).slice(0, 700);
  return `v${version} · ${where}\n    docker: ${shown(docker)}\n    duet:   ${shown(duet)}`;
}
