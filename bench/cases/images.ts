import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Scope } from "../../src/kit/scope.ts";
import type { MeasuredEngine } from "../engines/engine.ts";
import { fillRegistry, pulledImage, serveRegistry } from "../registry.ts";
import type { CaseResult } from "../report.ts";
import type { Contestant } from "../timing.ts";
import type { BenchCase, CaseContext } from "./case.ts";
import { timeCase } from "./timed.ts";

const mostRounds = 5;
const targetPort = 5_001;
const shape = { layers: 8, files: 2_500 };

/** An engine with a registry that has the image and one that is empty, each on the engine's own loopback. */
interface Place {
  readonly engine: MeasuredEngine;
  /** Reference of the image in the full registry. */
  readonly source: string;
  /** Reference of the image in the empty one. */
  readonly target: string;
  /** Storage folder of the empty one. */
  readonly storage: string;
  /** Where it saves to. */
  readonly archive: string;
}

/** Pull, push, save and load of 1 GB of files in eight layers, each engine from and to its own loopback and disk. */
export const imagesCase: BenchCase = {
  name: "images",
  needsNoContainers: true,
  run: async (context) => {
    const folder = join(context.folder, "images");
    await mkdir(folder, { recursive: true });
    await fillRegistry(folder, shape, context.signal);
    await using scope = new Scope();
    const places: Place[] = [];
    for (const engine of context.engines) places.push(await open(context, engine, folder, scope));
    return [
      await measure(context, "`docker pull` of 1 GB in 8 layers, unpacked", places, pull),
      await measure(context, "`docker push` of it to an empty registry", places, push),
      await measure(context, "`docker save` of it", places, save),
      await measure(context, "`docker load` of what the engine saved", places, load),
      await measure(
        context,
        "`docker load` of what the first engine but Duet saved",
        places,
        (place) => load({ ...place, archive: (places.find(isPeer) ?? place).archive }),
      ),
    ];
  },
};

function isPeer({ engine }: Place): boolean {
  return engine.kind !== "duet";
}

async function open(
  { signal }: CaseContext,
  engine: MeasuredEngine,
  folder: string,
  scope: Scope,
): Promise<Place> {
  const number = String(engine.namespacePid);
  const storage = join(folder, `to-${number}`);
  await mkdir(storage, { recursive: true });
  const full = await serveRegistry(folder, engine.namespacePid, signal);
  scope.defer(async () => await full[Symbol.asyncDispose]());
  const empty = await serveRegistry(storage, engine.namespacePid, signal, targetPort);
  scope.defer(async () => await empty[Symbol.asyncDispose]());
  return {
    engine,
    source: `${full.host}/${pulledImage}`,
    target: `${empty.host}/${pulledImage}`,
    storage,
    archive: join(folder, `saved-${number}.tar`),
  };
}

type Verb = (place: Place) => Omit<Contestant, "name">;

async function measure(
  { rounds, reference }: CaseContext,
  title: string,
  places: readonly Place[],
  verb: Verb,
): Promise<CaseResult> {
  const contestants = places.map((place) => ({ name: place.engine.name, ...verb(place) }));
  const few = { reference, rounds: Math.min(rounds, mostRounds) };
  return await timeCase(few, title, contestants, 1);
}

function pull({ engine: { client, pullFlags }, source }: Place): Omit<Contestant, "name"> {
  return {
    run: async () => void (await client.call("pull", "--quiet", ...pullFlags, source)),
    reset: async () => void (await client.call("rmi", source)),
  };
}

/** The first push is preceded by what it needs: the image, which a reset leaves there. */
function push(place: Place): Omit<Contestant, "name"> {
  const { client, pullFlags } = place.engine;
  let isReady = false;
  return {
    run: async () => {
      if (!isReady) {
        await client.call("pull", "--quiet", ...pullFlags, place.source);
        await client.call("tag", place.source, place.target);
        isReady = true;
      }
      await client.call("push", "--quiet", ...pullFlags, place.target);
    },
    reset: () => rm(join(place.storage, "data"), { recursive: true, force: true }),
  };
}

/** Podman adds to no archive that is there. */
function save({ engine: { client }, source, archive }: Place): Omit<Contestant, "name"> {
  return {
    run: async () => void (await client.call("save", "-o", `${archive}.new`, source)),
    reset: () => rename(`${archive}.new`, archive),
  };
}

/** Nothing of the image may be there before: also not its other name, which the push gave it. */
function load({ engine: { client }, archive }: Place): Omit<Contestant, "name"> {
  const clear = async (): Promise<void> => {
    const ids = (
      await client.text("images", "--quiet", "--no-trunc", "--filter", "reference=*/bench")
    ).split("\n");
    const own = [...new Set(ids)].filter((id) => id !== "");
    if (own.length > 0) await client.call("rmi", "--force", ...own);
  };
  let isClear = false;
  return {
    run: async () => {
      if (!isClear) await clear();
      isClear = true;
      await client.call("load", "--quiet", "-i", archive);
    },
    reset: clear,
  };
}
