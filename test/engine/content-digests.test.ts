import assert from "node:assert/strict";
import { test } from "node:test";
import type { BuildFiles, FileSelection } from "../../src/domain/build/files.ts";
import type { Digest } from "../../src/domain/digest.ts";
import { ContentDigests } from "../../src/engine/build/content-digests.ts";
import { never } from "../../src/kit/abort.ts";

function counting(): { readonly asked: string[]; readonly files: BuildFiles } {
  const asked: string[] = [];
  const digest = async ({ path }: FileSelection): Promise<Digest> => {
    asked.push(path);
    if (path === "missing") throw new Error("not there");
    return `sha256:${"0".repeat(64)}`;
  };
  return { asked, files: { digest } as unknown as BuildFiles };
}

function taken(path: string, identity: string | null): FileSelection {
  return { files: { mounts: [], identity }, path, exclude: [], parents: false, unpack: false };
}

test("what is begun ahead is reckoned once; what may change is reckoned each time", async () => {
  const { asked, files } = counting();
  const digests = new ContentDigests(files);
  digests.begin(Promise.resolve(taken("a", "layer")), never);
  await digests.end();
  await digests.of(taken("a", "layer"), never);
  assert.deepEqual(asked, ["a"]);
  await digests.of(taken("a", "other"), never);
  await digests.of(taken("c", null), never);
  await digests.of(taken("c", null), never);
  assert.deepEqual(asked, ["a", "a", "c", "c"]);
});

test("a failure ahead is told to the step that asks, and to nobody else", async () => {
  const { files } = counting();
  const digests = new ContentDigests(files);
  digests.begin(Promise.resolve(taken("missing", "layer")), never);
  digests.begin(Promise.reject(new Error("its stage failed")), never);
  await digests.end();
  await assert.rejects(digests.of(taken("missing", "layer"), never), /not there/);
});
