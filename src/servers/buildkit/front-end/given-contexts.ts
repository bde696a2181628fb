import { Readable } from "node:stream";
import { digestOf, isDigest } from "../../../domain/digest.ts";
import { mediaTypes } from "../../../domain/manifest.ts";
import type { Platform } from "../../../domain/image.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import { writeManifest } from "../../../domain/write-image.ts";
import type { BuildRequest, BuildResult } from "../../../engine/build/build.ts";
import type { GivenImage } from "../../../engine/image-use-cases.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { Definition } from "../../../spec/buildkit/solver.ts";
import type { BuildKit } from "../service.ts";
import { imageOfStore } from "../session/content.ts";
import type { Session } from "../session/session.ts";
import { readGraph, type GraphSource } from "./graph.ts";
import { isRemote } from "./remote-context.ts";

type Contexts = BuildRequest["contexts"];
type Context = Contexts[string];

/** Where the contexts of one build are, as its client says. */
export interface GivenContexts {
  /** `local:DIRECTORY`, `docker-image://…`, a URL, `oci-layout://STORE@DIGEST`, `input:NAME`, by name. */
  readonly places: ReadonlyMap<string, string>;
  /** What the client has of other builds, by the names of `input:`. */
  readonly inputs: ReadonlyMap<string, Definition>;
  /** Whether the client only asks about the Dockerfile: then it sends `target:NAME` for what it has not built. */
  readonly isQuestion: boolean;
}

/** A place that the client gives in one way for each platform: `NAME::linux/arm64`. */
const separator = "::";

/** The contexts of a build for one platform, as the engine wants them. Throws `unsupported` BUILD_CONTEXT. */
export async function contextsFor(
  kit: BuildKit,
  session: Session,
  { places, inputs, isQuestion }: GivenContexts,
  platform: Platform,
  signal: AbortSignal,
): Promise<Contexts> {
  const chosen = new Map<string, string>();
  for (const [key, place] of places) {
    const [name = "", wanted] = key.split(separator);
    if (wanted === undefined ? !chosen.has(name) : wanted === formatPlatform(platform)) {
      chosen.set(name, place);
    }
  }
  const found = [...chosen].map(async ([name, place]): Promise<[string, Context]> => {
    const source = sourceOf(place, inputs);
    if (source?.kind === "result") {
      return [name, { image: imageOfResult(name, kit.jobs.result(source.id)) }];
    }
    const isUnbuilt = isQuestion && place.startsWith("target:");
    if (source !== undefined || isUnbuilt || place.startsWith("local:") || isRemote(place)) {
      return [name, "files"];
    }
    const image = /^docker-image:(?:\/\/)?(.+)$/.exec(place)?.[1];
    if (image !== undefined) return [name, { image }];
    const [, store, digest = ""] = /^oci-layout:\/\/([\w.-]+)(?::[\w.-]+)?@(.+)$/.exec(place) ?? [];
    if (store === undefined || !isDigest(digest)) throw refused(name, place);
    return [
      name,
      { image: await imageOfStore(session, { store: `oci:${store}`, digest, name }, signal) },
    ];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** What a place `input:NAME` is of; undefined for one of another kind. */
export function sourceOf(place: string, inputs: GivenContexts["inputs"]): GraphSource | undefined {
  if (!place.startsWith("input:")) return undefined;
  const graph = inputs.get(place.slice("input:".length));
  if (graph !== undefined) return readGraph(graph);
  throw new DuetError(
    "invalid",
    "BUILD_CONTEXT",
    `the client has not given ${place.slice(0, 100)}`,
  );
}

function refused(name: string, place: string): DuetError {
  return new DuetError(
    "unsupported",
    "BUILD_CONTEXT",
    `the build context ${JSON.stringify(name.slice(0, 100))} is of a kind that is not supported: ${JSON.stringify(place.slice(0, 100))}`,
    { hint: "a further context may be a folder, a URL, docker-image:// or oci-layout://" },
  );
}

/** A result as an image that a stage may stand on. Its layers are here as long as it is held. */
function imageOfResult(name: string, { config, layers }: BuildResult): GivenImage {
  const own = { digest: digestOf(config), size: config.length };
  const manifest = writeManifest(own, layers, "oci");
  const digest = digestOf(manifest);
  return {
    name,
    target: { mediaType: mediaTypes.ociManifest, digest, size: manifest.length },
    blob: async (blob) => ({
      offset: 0,
      body: Readable.from([blob.digest === digest ? manifest : config]),
    }),
  };
}
