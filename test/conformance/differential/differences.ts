import { compareAnswers, type Difference } from "./compare.ts";
import { decisions, type Decision } from "./decided.ts";
import { cleanUp } from "./engines.ts";
import { play, type Engine } from "./play.ts";
import type { Json } from "./reading.ts";
import type { Scenario } from "./scenario.ts";

export interface Found extends Difference {
  /** Scenario, step and place, as decisions match it. */
  readonly where: string;
  readonly version: string;
}

/** Plays a scenario against both at once and gives what is not the same. */
export async function playBoth(
  docker: Engine,
  duet: Engine,
  scenario: Scenario,
  version: string,
): Promise<Found[]> {
  const [left, right] = await Promise.all(
    [docker, duet].map(async (engine) => {
      const played = await play(engine, scenario, version);
      await cleanUp(engine);
      return played;
    }),
  );
  return left!.flatMap(({ step, answer }, index) =>
    compareAnswers(answer, right![index]!.answer).map((difference) => ({
      ...difference,
      where: `${scenario.name} · ${step} · ${difference.place}`,
      version,
    })),
  );
}

/** Those that nobody decided upon, and the decisions that no difference shows any more. */
export function judge(
  found: readonly Found[],
  docker: string,
): { readonly undecided: readonly Found[]; readonly unseen: readonly Decision[] } {
  const valid = decisions.filter(({ beside }) => beside === undefined || docker.includes(beside));
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
