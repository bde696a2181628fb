import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerProcess, ContainerSpec } from "../../src/domain/container.ts";
import type { ImageProcess } from "../../src/domain/image.ts";
import { mergeEnvironment, resolveProcess } from "../../src/engine/containers/resolve-process.ts";

const image: ImageProcess = {
  entrypoint: ["/entry"],
  command: ["image-command"],
  env: ["A=1", "B=2"],
  user: "www",
  workingDirectory: "srv",
  stopSignal: "SIGQUIT",
  healthcheck: null,
  labels: { from: "image", both: "image" },
  exposedPorts: ["80/tcp"],
  volumes: [],
} as unknown as ImageProcess;

function spec(process: Partial<ContainerProcess>): ContainerSpec {
  return {
    image: "test",
    process: {
      entrypoint: null,
      command: null,
      env: [],
      user: "",
      workingDirectory: "",
      ...process,
    },
    labels: { both: "own" },
    network: { exposedPorts: ["80/tcp", "53/udp"] },
    lifecycle: { stopSignal: "", healthcheck: null },
  } as unknown as ContainerSpec;
}

function words(process: Partial<ContainerProcess>, from: ImageProcess = image): string {
  const { path, args } = resolveProcess(spec(process), from);
  return [path, ...args].join(" ");
}

test("entrypoint and command merge by Docker's rules", () => {
  assert.equal(words({}), "/entry image-command");
  assert.equal(words({ command: ["own"] }), "/entry own");
  assert.equal(words({ entrypoint: ["/own"] }), "/own");
  assert.equal(words({ entrypoint: ["/own"], command: ["x", ""] }), "/own x ");
  assert.equal(words({ entrypoint: [""], command: ["sh"] }), "sh");
  assert.equal(words({ entrypoint: [], command: [] }), "/entry image-command");
  assert.equal(words({}, { ...image, entrypoint: null }), "image-command");
});

test("a container without any command is refused, and so is a NUL byte", () => {
  const empty = { ...image, entrypoint: null, command: null };
  assert.throws(() => words({}, empty), { code: "NO_COMMAND", message: "no command specified" });
  assert.throws(() => words({ entrypoint: [""] }), { code: "NO_COMMAND" });
  assert.throws(() => words({ command: ["a\0b"] }), { code: "NUL_BYTE" });
  assert.throws(() => words({ env: ["A=\0"] }), { code: "NUL_BYTE" });
});

test("folder, user, signal, labels and ports fall back to the image's", () => {
  const resolved = resolveProcess(spec({}), image);
  assert.equal(resolved.workingDirectory, "/srv");
  assert.equal(resolved.user, "www");
  assert.equal(resolved.stopSignal, "SIGQUIT");
  assert.deepEqual(resolved.labels, { from: "image", both: "own" });
  assert.deepEqual(resolved.exposedPorts, ["80/tcp", "53/udp"]);
  assert.throws(() => resolveProcess(spec({ workingDirectory: "own" }), image), {
    code: "WORKDIR_INVALID",
  });
});

test("later variables win by name, and a bare name takes one away", () => {
  assert.deepEqual(mergeEnvironment(["A=1", "B=2"], ["A=3", "C=", "B"]), ["A=3", "C="]);
  assert.deepEqual(mergeEnvironment([], ["=x", "X=a=b"]), ["X=a=b"]);
});
