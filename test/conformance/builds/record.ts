import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { imageFile } from "../../../images/build.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { writeProject } from "./context.ts";
import { imageFacts, type ImageFacts } from "./listing.ts";
import type { Project } from "./project.ts";
import { projects } from "./projects.ts";

/**
 * Builds the projects by `docker build` with buildx: `node test/conformance/builds/record.ts --docker DOCKER
 * --socket SOCKET [NAME...]`. Against a real Docker, writes what its images are beside this file; with names, the
 * others stay as they are. With `--compare`, tells instead where an engine's images differ from what was written;
 * `--isolation vm` asks Duet for it.
 */
const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    docker: { type: "string", default: "docker" },
    socket: { type: "string", default: "/var/run/docker.sock" },
    compare: { type: "boolean", default: false },
    isolation: { type: "string" },
  },
});
const signal = AbortSignal.timeout(7_200_000);
const out = new URL("recorded.json", import.meta.url);
const recorded =
  names.length === 0 && !values.compare
    ? {}
    : (JSON.parse(await readFile(out, "utf8")) as Record<string, ImageFacts>);
const archive = await imageFile("busybox", signal);
const base = await readFile(archive);
await client("load", "-i", archive);
for (const [name, project] of Object.entries(projects)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const begun = Date.now();
  try {
    const facts = await build(project);
    if (values.compare) assert.deepEqual(facts, recorded[name]);
    else recorded[name] = facts;
    process.stdout.write(`${name}: ${((Date.now() - begun) / 1_000).toFixed(1)} s\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
if (!values.compare) await writeFile(out, `${JSON.stringify(recorded, undefined, 2)}\n`);

async function build(project: Project): Promise<ImageFacts> {
  const folder = await mkdtemp(join(tmpdir(), "duet-project-"));
  try {
    const context = join(folder, "context");
    await mkdir(context);
    await writeProject(project, context);
    const given = { ...project.arguments };
    if (values.isolation !== undefined) given["DUET_ISOLATION"] = values.isolation;
    const flags = [
      ...Object.entries(given).map(([key, value]) => `--build-arg=${key}=${value}`),
      ...(project.target === undefined ? [] : [`--target=${project.target}`]),
    ];
    await client("build", "--provenance=false", "--no-cache", "-t", "built", ...flags, context);
    const saved = join(folder, "saved.tar");
    await client("save", "-o", saved, "built");
    return await imageFacts(await readFile(saved), base);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function client(...argv: readonly string[]): Promise<void> {
  const env = { DOCKER_CONFIG: process.env["DOCKER_CONFIG"] ?? "" };
  await run(values.docker, ["--host", `unix://${values.socket}`, ...argv], { signal, env });
}
