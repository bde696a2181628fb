import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withDeadline } from "../src/kit/abort.ts";
import { Scope } from "../src/kit/scope.ts";

import { reportFailure, step } from "../tools/progress.ts";
import { bringBuildah, bringPeers, buildahFolder, peersFolder } from "../tools/peers/bring.ts";
import { openLine } from "./contenders.ts";
import { endingSignal } from "./ending.ts";
import { installDuet } from "./engines/installed.ts";
import { endLeftovers } from "./engines/leftovers.ts";
import { readOptions, type BenchOptions } from "./options.ts";
import { renderCase, renderHost, type CaseResult } from "./report.ts";

/**
 * `npm run bench -- [--case NAME]… [--engine NAME]… [--vm none|pool|"pool and cold"]
 * [--runtime installed|peers] [--rounds N] [--suite SUITE] [--json FILE]`: measures Duet and its peers side by side, each with a data root and
 * namespaces of its own, and prints Markdown.
 */
const longestMilliseconds = 60 * 60_000;

async function main(options: BenchOptions, signal: AbortSignal): Promise<void> {
  await using scope = new Scope();
  const folder = await mkdtemp("/tmp/duet-bench-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const cgroup = folder.slice("/tmp/".length);
  scope.defer(() => endLeftovers(folder, cgroup));
  const needsBuildah = options.engines.includes("buildah");
  const needsPeers = options.engines.some((name) => name === "docker" || name === "podman");
  if (needsPeers || needsBuildah) {
    await step(`engines of ${options.suite}`, () =>
      bringPeers(options.suite, { fresh: false, signal }),
    );
  }
  if (needsBuildah) {
    await step(`Buildah of ${options.suite}`, () =>
      bringBuildah(options.suite, { fresh: false, signal }),
    );
  }
  const buildah = buildahFolder(options.suite);
  const peers = peersFolder(options.suite);
  const newest = join(peers, "usr/bin/docker");
  const dockerClient = existsSync(newest) ? newest : "docker";
  const installed = await step("Duet, as it is installed", () =>
    installDuet(join(folder, "installed"), signal),
  );
  const { vm, runtime } = options;
  const { engines, contenders } = await step("starting engines", () =>
    openLine(
      options.engines,
      { folder, cgroup, dockerClient, peers, buildah, installed, vm, runtime, signal },
      scope,
    ),
  );
  const reference = engines.find((engine) => engine.kind === "docker")?.name ?? "";
  const results: CaseResult[] = [];
  for (const { name, run, needsNoContainers } of options.cases) {
    const able = engines.filter(({ kind }) => kind !== "buildah" || needsNoContainers === true);
    const context = {
      engines: able,
      contenders,
      reference,
      rounds: options.rounds,
      folder,
      signal,
    };
    results.push(...(await step(name, () => run(context))));
  }
  process.stdout.write(`\n${renderHost()}\n\n${results.map(renderCase).join("\n")}`);
  if (options.json !== "") await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
}

try {
  const options = readOptions(process.argv.slice(2));
  await main(options, withDeadline(endingSignal(), longestMilliseconds, "the benchmark"));
} catch (error) {
  process.exitCode = reportFailure(error);
}
