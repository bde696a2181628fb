import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, type RunResult } from "../../../../src/kit/subprocess.ts";
import { imageFacts, type ImageFacts } from "../../builds/listing.ts";
import { ask } from "../exchange.ts";
import type { Engine } from "../play.ts";
import { rootCommand, type BuildCase } from "./build-case.ts";

/** What one engine made of one build. */
export interface Outcome {
  /** What the client printed of a failure, without what is another in each build. */
  readonly error?: string;
  readonly warnings: readonly string[];
  /** Names of steps, each with whether the cache had it. */
  readonly steps: readonly string[];
  /** All that the classic builder has said. */
  readonly said?: string;
  readonly image?: ImageFacts;
}

export interface BuildsEngine extends Engine {
  /** Folder of the client's settings. */
  readonly settings: string;
  /** Build arguments that are for the engine. */
  readonly given: Readonly<Record<string, string>>;
}

export interface AskedBuild {
  readonly build: BuildCase;
  readonly context: string;
  readonly more: string;
  readonly secret: string;
  readonly tag: string;
}

/** Builds by buildx, as `docker build` does. */
export async function askBuild(
  engine: BuildsEngine,
  buildx: string,
  asked: AskedBuild,
  signal: AbortSignal,
): Promise<Outcome> {
  const words = [
    ...["build", "--progress=rawjson", "--provenance=false"],
    ...[`--build-context=more=${asked.more}`, `--secret=id=s,src=${asked.secret}`],
    ...wordsOf(engine, asked),
  ];
  const env = { DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: engine.settings };
  const result = await run(buildx, words, { signal, env, okCodes: "any" });
  return readOutcome(result);
}

/** Words that both of Docker's builders are asked with. */
export function wordsOf({ given }: BuildsEngine, asked: AskedBuild): readonly string[] {
  const { target, arguments: own } = asked.build;
  const all = Object.entries({ ...own, ...given });
  return [
    ...["-t", asked.tag],
    ...all.map(([name, value]) => `--build-arg=${name}=${value}`),
    ...(target === "" ? [] : [`--target=${target}`]),
    asked.context,
  ];
}

/** What is in the image that was built, over the base. */
export async function imageOf(engine: Engine, tag: string, base: Buffer): Promise<ImageFacts> {
  const question = { socket: engine.socket, method: "GET", headers: {} };
  const { status, body } = await ask({ ...question, path: `/images/${tag}/get` }).answer;
  if (status !== 200) throw new Error(`${engine.name} has no image ${tag}: ${body.toString()}`);
  return await imageFacts(body, base, true);
}

export async function dropImage(engine: Engine, tag: string): Promise<void> {
  const question = { socket: engine.socket, method: "DELETE", headers: {} };
  await ask({ ...question, path: `/images/${tag}?force=1` }).answer;
}

interface Printed {
  readonly vertexes?: readonly {
    readonly digest: string;
    readonly name: string;
    readonly cached?: boolean;
    readonly completed?: string;
    readonly error?: string;
  }[];
  readonly warnings?: readonly { readonly short: string; readonly range?: unknown }[];
}

function readOutcome({ code, stderr }: RunResult): Outcome {
  const steps = new Map<string, string>();
  const warnings: string[] = [];
  const plain: string[] = [];
  for (const line of stderr.split("\n")) {
    if (!line.startsWith("{")) {
      plain.push(line);
      continue;
    }
    const printed = JSON.parse(line) as Printed;
    for (const { digest, name, cached, completed } of printed.vertexes ?? []) {
      if (/^\[internal\]|^exporting|^resolve image config/.test(name)) continue;
      if (completed === undefined && steps.has(digest)) continue;
      // Docker's own store knows no digests of images that were loaded.
      // Nor does a base that several stages or builds want belong to one of them.
      const shown = name
        .replace(/@sha256:[0-9a-f]{64}$/, "")
        .replace(/^\[[^\]]+\] FROM /, "FROM ")
        .replace(rootCommand, "ROOT");
      steps.set(digest, `${cached === true ? "cached" : "built"}: ${shown}`);
    }
    for (const { short, range } of printed.warnings ?? [])
      warnings.push(
        `${tidyWarning(Buffer.from(short, "base64").toString())} ${JSON.stringify(range ?? null)}`,
      );
  }
  return {
    ...(code === 0 ? {} : { error: tidyError(plain.join("\n")) }),
    warnings: [...new Set(warnings)].toSorted(),
    steps: [...new Set(steps.values())].toSorted(),
  };
}

/** Of names that are alike near BuildKit suggests any. */
function tidyWarning(text: string): string {
  return text.replace(/ \(did you mean [^)]*\)/, "");
}

export function tidyError(text: string): string {
  return text
    .replaceAll(rootCommand, "ROOT")
    .replaceAll(/failed to (?:compute cache key: failed to )?calculate checksum of ref \S+: /g, "")
    .replaceAll(/^the path is relative to the root of .*\n?/gm, "")
    .replaceAll(/^View build details.*\n?/gm, "")
    .replaceAll(/\/[a-z0-9]{25}(?=[/ :"]|$)/gm, "/ID")
    .trim();
}

/** Files that every build is given beside its context. */
export async function placeMore(folder: string): Promise<{ more: string; secret: string }> {
  const more = join(folder, "more");
  await rm(more, { recursive: true, force: true });
  await mkdir(more);
  await writeFile(join(more, "f"), "more\n");
  await writeFile(join(folder, "secret"), "of a secret\n");
  return { more, secret: join(folder, "secret") };
}
