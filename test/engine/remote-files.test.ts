import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContextTree } from "../../src/domain/build/files.ts";
import type { BuildSources, GitRequest } from "../../src/domain/build/sources.ts";
import type { BuildClient } from "../../src/engine/build/build.ts";
import { GitCommits } from "../../src/engine/build/git-commits.ts";
import { RemoteFiles } from "../../src/engine/build/remote-files.ts";
import { never } from "../../src/kit/abort.ts";

test("a branch that moves while a build runs is one commit in all of its steps", async () => {
  const asked: string[] = [];
  const git = async ({ ref, submodules }: GitRequest): ReturnType<BuildSources["git"]> => {
    asked.push(ref);
    assert.equal(submodules, false, "what the URL says");
    const commit = ref === "main" ? String(asked.length).repeat(40) : ref;
    return { tree: {} as ContextTree, commit, [Symbol.asyncDispose]: async () => undefined };
  };
  const unused = async (): Promise<never> => await Promise.reject(new Error("not asked for"));
  const sources: BuildSources = { git, url: unused, list: unused, remove: unused };
  await using remote = new RemoteFiles(sources, {} as BuildClient);
  const source = { kind: "git", url: "https://a.example/r", checksum: null } as const;
  const step = {
    ...source,
    ref: "main",
    keepGitFolder: false,
    submodules: false,
    subdirectory: "",
  };
  await Promise.all([remote.git(step, never), remote.git(step, never)]);
  await remote.git({ ...step, keepGitFolder: true }, never);
  await remote.git({ ...step, ref: "other" }, never);
  assert.deepEqual(asked, ["main", "1".repeat(40), "1".repeat(40), "other"]);
});

test("a name that is no commit fails whoever names it", async () => {
  const commits = new GitCommits();
  const source = { url: "https://a.example/r", ref: "main" };
  const failing = commits.fetch(source, () => Promise.reject(new Error("no such branch")));
  const next = commits.fetch(source, (ref) => Promise.resolve({ commit: ref }));
  await assert.rejects(failing, /no such branch/);
  await assert.rejects(next, /no such branch/);
});
