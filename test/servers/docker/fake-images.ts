import { noProcess } from "../../../src/domain/image-config.ts";
import type { ImageRecord } from "../../../src/domain/image.ts";
import type { ImageUseCases } from "../../../src/engine/engine.ts";
import { canceled } from "../../../src/kit/abort.ts";
import { DuetError } from "../../../src/kit/errors.ts";
import type { FakeEngine } from "./fake-engine.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}` as const;

/** The one image that the fake engine has. */
export const image: ImageRecord = {
  id: digest("a"),
  manifest: { mediaType: "m", digest: digest("b"), size: 500 },
  layers: [{ mediaType: "l", digest: digest("c"), size: 700_000 }],
  diffIds: [digest("d")],
  platform: { os: "linux", architecture: "amd64" },
  created: "2026-01-02T03:04:05Z",
  author: "",
  process: {
    ...noProcess,
    env: ["PATH=/bin"],
    command: ["sh"],
  },
  history: [
    {
      created: "2026-01-02T03:04:05Z",
      createdBy: "COPY",
      author: "",
      comment: "",
      emptyLayer: false,
    },
  ],
  size: 1_234_567,
};
const imageName = {
  name: "docker.io/library/busybox:latest",
  target: image.manifest,
  image: image.id,
  taggedAt: 1_767_000_000_000,
};

export function imageUseCases(engine: FakeEngine): Partial<ImageUseCases> {
  const named = { image, names: [imageName] };
  return {
    get: (reference) => {
      if (["busybox", "busybox:latest", image.id].includes(reference)) return named;
      throw new DuetError("not-found", "IMAGE_NOT_FOUND", `No such image: ${reference}`);
    },
    layerSizes: async ({ layers }) => layers.map(({ size }) => size),
    list: () => [named],
    pullFigures: () => engine.pullFigures,
    pull: async (reference, options, signal) => {
      engine.pulls.push({ reference, auth: options.auth });
      if (reference.startsWith("nowhere")) {
        throw new DuetError("not-found", "MANIFEST_UNKNOWN", `manifest for ${reference} not found`);
      }
      options.progress({ kind: "status", id: "latest", text: "Pulling from library/busybox" });
      const layer = image.layers[0]!;
      for (const phase of ["downloading", "downloaded", "unpacking", "done"] as const) {
        options.progress({
          kind: "layer",
          progress: { layer, phase, current: 350_000, total: layer.size },
        });
      }
      if (reference.startsWith("broken"))
        throw new DuetError("corrupt", "DIGEST_MISMATCH", "the layer is damaged");
      if (signal.aborted) throw canceled("test");
      options.progress({
        kind: "status",
        id: "",
        text: "Status: Downloaded newer image for busybox:latest",
      });
      return image;
    },
    tag: async () => undefined,
    save: async function* () {
      yield Buffer.from("tar-bytes");
    },
    load: async (tar, progress) => {
      let size = 0;
      for await (const chunk of tar) size += chunk.length;
      progress(`Loaded image: ${size} bytes`);
      return [];
    },
    remote: async () => {
      throw new Error("no registry");
    },
    search: async () => [],
    login: async (registry, auth) => ({
      status: `Login Succeeded for ${auth.username} at ${registry}`,
      identityToken: "",
    }),
  };
}
