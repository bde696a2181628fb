import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageFile } from "../../../images/build.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { writeProject } from "./context.ts";
import { imageFacts, type ImageFacts } from "./listing.ts";
import { projects } from "./projects.ts";

/**
 * Builds the projects with a real Docker, and writes what its images are beside this file:
 * `node test/conformance/builds/record.ts DOCKER SOCKET [NAME...]`, where DOCKER has the plugin buildx. With names,
 * the others stay as they are.
 */
const [docker = "docker", socket = "", ...names] = process.argv.slice(2);
const signal = AbortSignal.timeout(3_600_000);
const out = new URL("recorded.json", import.meta.url);
const recorded =
  names.length === 0 ? {} : (JSON.parse(await readFile(out, "utf8")) as Record<string, ImageFacts>);
const archive = await imageFile("busybox", signal);
const base = await readFile(archive);
await client("load", "-i", archive);
for (const [name, project] of Object.entries(projects)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const folder = await mkdtemp(join(tmpdir(), "duet-project-"));
  try {
    const context = join(folder, "context");
    await mkdir(context);
    await writeProject(project, context);
    const flags = [
      ...Object.entries(project.arguments ?? {}).map(
        ([key, value]) => `--build-arg=${key}=${value}`,
      ),
      ...(project.target === undefined ? [] : [`--target=${project.target}`]),
    ];
    await client("build", "--provenance=false", "--no-cache", "-t", "built", ...flags, context);
    const saved = join(folder, "saved.tar");
    await client("save", "-o", saved, "built");
    recorded[name] = await imageFacts(await readFile(saved), base);
    process.stdout.write(`${name}\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`${name}: ${String(error)}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}
await writeFile(out, `${JSON.stringify(recorded, undefined, 2)}\n`);

async function client(...argv: readonly string[]): Promise<void> {
  const env = { DOCKER_CONFIG: process.env["DOCKER_CONFIG"] ?? "" };
  await run(docker, ["--host", `unix://${socket}`, ...argv], { signal, env });
}
