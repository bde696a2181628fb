import { parseArgs } from "node:util";
import { DuetError } from "../src/kit/errors.ts";
import { buildCase } from "./cases/build.ts";
import { densityCase } from "./cases/density.ts";
import { execCase } from "./cases/exec.ts";
import { idleCase } from "./cases/idle.ts";
import { listCase } from "./cases/list.ts";
import { imagesCase } from "./cases/images.ts";
import { pullCase } from "./cases/pull.ts";
import { projectCase } from "./cases/project.ts";
import { startCase } from "./cases/start.ts";
import { copyCase } from "./cases/copy.ts";
import { httpCase } from "./cases/http.ts";
import { logsCase } from "./cases/logs.ts";
import { showCase } from "./cases/show.ts";
import { statsCase } from "./cases/stats.ts";
import type { BenchCase } from "./cases/case.ts";
import { engineNames, type EngineName } from "./contenders.ts";

/** In the order in which they run: memory of the idle engine before anything else has run in it. */
const allCases: readonly BenchCase[] = [
  idleCase,
  startCase,
  execCase,
  pullCase,
  imagesCase,
  buildCase,
  projectCase,
  densityCase,
  listCase,
  logsCase,
  copyCase,
  statsCase,
  httpCase,
  showCase,
];

export interface BenchOptions {
  readonly cases: readonly BenchCase[];
  readonly engines: readonly EngineName[];
  readonly vm: "none" | "pool" | "pool and cold";
  /** Whether Duet runs the host's runc or the peers' newer one. */
  readonly runtime: "installed" | "peers";
  readonly rounds: number;
  /** Debian suite whose engines are the peers. */
  readonly suite: string;
  /** File for the raw values; "" for none. */
  readonly json: string;
}

const vmChoices: readonly string[] = ["none", "pool", "pool and cold"];
const isEngine = (name: string): name is EngineName => engineNames.some((known) => known === name);

/** Throws `invalid` USAGE. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      case: { type: "string", multiple: true, default: [] },
      engine: { type: "string", multiple: true, default: ["duet", "docker", "podman"] },
      vm: { type: "string", default: "pool" },
      runtime: { type: "string", default: "installed" },
      rounds: { type: "string", default: "20" },
      suite: { type: "string", default: "sid" },
      json: { type: "string", default: "" },
    },
  });
  const unknown = values.case.find((name) => !allCases.some((one) => one.name === name));
  if (unknown !== undefined)
    throw usage(
      `there is no case ${unknown}`,
      allCases.map((one) => one.name),
    );
  const stranger = values.engine.find((name) => !isEngine(name));
  if (stranger !== undefined) throw usage(`there is no engine ${stranger}`, engineNames);
  if (!vmChoices.includes(values.vm)) throw usage(`--vm ${values.vm} is no choice`, vmChoices);
  const { runtime } = values;
  if (runtime !== "installed" && runtime !== "peers")
    throw usage(`--runtime ${runtime} is no choice`, ["installed", "peers"]);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw usage("--rounds needs a number from 1", []);
  return {
    cases: allCases.filter((one) => values.case.length === 0 || values.case.includes(one.name)),
    engines: values.engine.filter(isEngine),
    vm: values.vm as BenchOptions["vm"],
    runtime,
    rounds,
    suite: values.suite,
    json: values.json,
  };
}

function usage(message: string, choices: readonly string[]): DuetError {
  const hint = choices.length > 0 ? { hint: `choose from ${choices.join(", ")}` } : {};
  return new DuetError("invalid", "USAGE", message, hint);
}
