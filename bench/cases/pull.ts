import { join } from "node:path";
import { mkdir } from "node:fs/promises";
import { Scope } from "../../src/kit/scope.ts";
import { fillRegistry, pulledImage, serveRegistry } from "../registry.ts";
import type { Contestant } from "../timing.ts";
import type { BenchCase } from "./case.ts";
import { timeCase } from "./timed.ts";

const mostRounds = 5;

/** `docker pull` of a 300 MB image of ten layers from a registry on the engine's own loopback. */
export const pullCase: BenchCase = {
  name: "pull",
  needsNoContainers: true,
  run: async (context) => {
    const { signal } = context;
    const folder = join(context.folder, "registry");
    await mkdir(folder, { recursive: true });
    await fillRegistry(folder, { layers: 10, files: 600 }, signal);
    await using scope = new Scope();
    const contestants: Contestant[] = [];
    for (const { name, namespacePid, client, pullFlags } of context.engines) {
      const registry = await serveRegistry(folder, namespacePid, signal);
      scope.defer(async () => await registry[Symbol.asyncDispose]());
      const image = `${registry.host}/${pulledImage}`;
      contestants.push({
        name,
        run: async () => void (await client.call("pull", "--quiet", ...pullFlags, image)),
        reset: async () => void (await client.call("rmi", image)),
      });
    }
    const title = "`docker pull` of 300 MB in 10 layers from a local registry, unpacked";
    const few = { reference: context.reference, rounds: Math.min(context.rounds, mostRounds) };
    return [await timeCase(few, title, contestants, 1)];
  },
};
