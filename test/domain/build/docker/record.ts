import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../../src/kit/subprocess.ts";
import { examples, type Example } from "./dockerfiles.ts";

/**
 * Asks a real Docker what it makes of the examples, and writes its answers beside this file:
 * `node test/domain/build/docker/record.ts DOCKER SOCKET [NAME...]`, where DOCKER has the plugin buildx and the daemon
 * the tests' busybox. With names, the other answers stay as they are.
 */
const [docker = "docker", socket = "", ...names] = process.argv.slice(2);
const signal = AbortSignal.timeout(3_600_000);
const folder = await mkdtemp(join(tmpdir(), "duet-record-"));
await mkdir(join(folder, "b"));
await writeFile(join(folder, "a"), "a\n");
await writeFile(join(folder, "b/y"), "y\n");
await writeFile(join(folder, "sp ace"), "s\n");
const out = new URL("recorded.json", import.meta.url);
const recorded: Record<string, unknown> =
  names.length === 0 ? {} : (JSON.parse(await readFile(out, "utf8")) as Record<string, unknown>);
for (const [name, example] of Object.entries(examples)) {
  if (names.length > 0 && !names.includes(name)) continue;
  recorded[name] = await record(example);
  process.stdout.write(`${name}\n`);
}
await rm(folder, { recursive: true });
await writeFile(out, `${JSON.stringify(recorded, undefined, 2)}\n`);

async function record(example: Example): Promise<unknown> {
  await writeFile(join(folder, "Dockerfile"), example.text);
  const flags = [
    ...(example.arguments ?? []).flatMap((each) => ["--build-arg", each]),
    ...(example.labels ?? []).flatMap((each) => ["--label", each]),
    ...(example.target === undefined ? [] : ["--target", example.target]),
  ];
  const checked = await client("build", "--call=check,format=json", ...flags, folder);
  const built = await client("build", "--progress=rawjson", "-t", "recorded", ...flags, folder);
  const error = /failed to solve: (.*)/s.exec(built.stderr)?.[1]?.trim();
  const found = { warnings: warningsIn(checked.stdout), ...(error === undefined ? {} : { error }) };
  if (error !== undefined) return found;
  const steps = stepsIn(built.stderr);
  const inspected = await client("image", "inspect", "recorded");
  const [image] = JSON.parse(inspected.stdout) as readonly [{ Config: unknown; Author: string }];
  const history = await client("history", "--no-trunc", "--format", "{{json .}}", "recorded");
  return {
    ...found,
    steps,
    config: image.Config,
    author: image.Author,
    history: history.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { CreatedBy: string }).CreatedBy)
      .filter((text) => !text.startsWith("recipe images/"))
      .toReversed(),
  };
}

function warningsIn(text: string): unknown {
  const start = text.indexOf("{");
  if (start < 0) return [];
  const { warnings } = JSON.parse(text.slice(start)) as {
    warnings:
      | null
      | {
          ruleName: string;
          url?: string;
          description: string;
          detail: string;
          location: { ranges?: { start: { line: number }; end: { line: number } }[] };
        }[];
  };
  return (warnings ?? [])
    .map(({ ruleName, description, detail, url = "", location }) => ({
      rule: ruleName,
      description,
      url,
      detail,
      ranges: (location.ranges ?? []).map(({ start, end }) => ({
        first: start.line,
        last: end.line,
      })),
    }))
    .toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

function stepsIn(text: string): readonly string[] {
  const names = text.split("\n").flatMap((line): string[] => {
    if (!line.startsWith("{")) return [];
    const { vertexes = [] } = JSON.parse(line) as { vertexes?: { name: string }[] };
    return vertexes.map((vertex) => vertex.name);
  });
  return [...new Set(names)]
    .filter((name) => !/^\[internal\]|^exporting|\] FROM /.test(name))
    .toSorted();
}

async function client(...argv: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const config = process.env["DOCKER_CONFIG"] ?? "";
  const result = await run(docker, ["--host", `unix://${socket}`, ...argv], {
    signal,
    env: { DOCKER_CONFIG: config },
    okCodes: "any",
  });
  return { stdout: result.stdout.toString(), stderr: result.stderr };
}
