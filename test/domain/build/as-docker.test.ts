import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { refuseWarnings } from "../../../src/domain/build/checks.ts";
import { parseDockerfile } from "../../../src/domain/build/dockerfile.ts";
import type { PlanOptions, PlanWarning, StagePlan } from "../../../src/domain/build/plan.ts";
import { checkSettings, readStages } from "../../../src/domain/build/stage-graph.ts";
import { planStage } from "../../../src/domain/build/stage-plan.ts";
import { noProcess } from "../../../src/domain/image-config.ts";
import type { ImageProcess } from "../../../src/domain/image.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { examples, type Example } from "./docker/dockerfiles.ts";

/** What Docker made of the examples, by docker/record.ts. */
interface Recorded {
  readonly warnings: readonly PlanWarning[];
  readonly error?: string;
  readonly steps?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly author?: string;
  readonly history?: readonly string[];
}

const recorded = JSON.parse(
  readFileSync(new URL("docker/recorded.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Recorded>>;

const platform = { os: "linux", architecture: "amd64" };
/** The tests' busybox. */
const busybox: ImageProcess = {
  ...noProcess,
  env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  command: ["sh"],
};

for (const [name, example] of Object.entries(examples)) {
  test(`Docker reads the same from: ${name}`, () => {
    const expected = recorded[name];
    assert.ok(expected, "not recorded: run docker/record.ts");
    const found = understand(example);
    if (expected.error !== undefined || found.error !== undefined) {
      assert.equal(found.error, expected.error);
      return;
    }
    assert.deepEqual(found.steps, expected.steps);
    assert.deepEqual(found.history, expected.history);
    assert.deepEqual(found.warnings, expected.warnings);
    const { ArgsEscaped: _, ...config } = expected.config ?? {};
    assert.deepEqual(found.config, withoutEmpty(config));
    assert.equal(found.author, expected.author);
  });
}

function understand(example: Example): Recorded {
  try {
    return planned(example);
  } catch (error) {
    if (!isDuetError(error)) throw error;
    return { warnings: [], error: error.message };
  }
}

function planned(example: Example): Recorded {
  const file = parseDockerfile(Buffer.from(example.text));
  const options: PlanOptions = {
    buildArguments: pairs(example.arguments ?? []),
    target: example.target ?? "",
    platform,
    buildPlatform: platform,
    labels: pairs(example.labels ?? []),
    contexts: new Set(),
    network: "default",
  };
  const graph = readStages(file, options);
  const plans = new Map<number, StagePlan>();
  const history = new Map<number, readonly string[]>();
  for (const index of graph.needed) {
    const stage = graph.stages[index]!;
    const below = stage.base.kind === "stage" ? stage.base.index : -1;
    const plan = plans.get(below) ?? null;
    const process = plan?.process ?? (stage.base.kind === "scratch" ? noProcess : busybox);
    const base = { process, author: plan?.author ?? "", platform, plan };
    const made = planStage(file, graph, stage, base, options);
    plans.set(index, made);
    const own = made.steps.flatMap((step) => step.history?.createdBy ?? []);
    history.set(index, [...(history.get(below) ?? []), ...own]);
  }
  const target = plans.get(graph.target)!;
  const warnings = [...graph.warnings, ...[...plans.values()].flatMap((plan) => plan.warnings)];
  refuseWarnings(checkSettings(file, options), warnings);
  return {
    warnings: warnings.toSorted((one, other) =>
      JSON.stringify(one) < JSON.stringify(other) ? -1 : 1,
    ),
    steps: [...plans.values()].flatMap((plan) => stepNames(plan)).toSorted(),
    history: history.get(graph.target)!,
    config: configOf(target.process),
    author: target.author,
  };
}

function stepNames(plan: StagePlan): readonly string[] {
  return plan.steps.flatMap((step) => (step.operation === null ? [] : [step.name]));
}

function pairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]),
  );
}

/** As Docker's image inspect writes it. */
function configOf(process: ImageProcess): Readonly<Record<string, unknown>> {
  const { healthcheck } = process;
  const fields = {
    User: process.user,
    Env: process.env,
    Entrypoint: process.entrypoint,
    Cmd: process.command,
    WorkingDir: process.workingDirectory,
    Labels: process.labels,
    ExposedPorts: asSet(process.exposedPorts),
    Volumes: asSet(process.volumes),
    StopSignal: process.stopSignal,
    OnBuild: process.onBuild,
    Shell: process.shell,
    Healthcheck: healthcheck === null ? null : healthcheckOf(healthcheck),
  };
  return withoutEmpty(fields);
}

function healthcheckOf(
  check: NonNullable<ImageProcess["healthcheck"]>,
): Readonly<Record<string, unknown>> {
  return withoutEmpty({
    Test: check.test,
    Interval: check.interval,
    Timeout: check.timeout,
    StartPeriod: check.startPeriod,
    StartInterval: check.startInterval,
    Retries: check.retries,
  });
}

function asSet(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function withoutEmpty(
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === null || value === "" || value === 0) return false;
      return typeof value !== "object" || Object.keys(value).length > 0;
    }),
  );
}
