import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { run, type RunResult } from "../../../src/kit/subprocess.ts";
import { containersOnly, TestDaemon } from "../daemon.ts";
import { loadImages } from "../images.ts";
import { startRegistry } from "../registry.ts";
import { makeCredentialHelper, type CredentialHelperProgram } from "./credential-helper.ts";
import { startTokenGate, type TokenGate } from "./token-gate.ts";
import { ownerOfTests } from "../owner.ts";

const owner = ownerOfTests();
const duet = join(import.meta.dirname, "../../../bin/duet");
const clients = ["duet", "docker"] as const;
type Client = (typeof clients)[number];

let daemon: TestDaemon;
let gate: TokenGate;
let helper: CredentialHelperProgram;
let configFolder: string;

before(async () => {
  daemon = await TestDaemon.start(owner, { flags: containersOnly });
  gate = await startTokenGate(daemon, await startRegistry(daemon));
  helper = await makeCredentialHelper(join(daemon.folder, "helpers"), "kept");
  configFolder = join(daemon.folder, "client-config");
  await mkdir(configFolder);
  await loadImages(daemon, "busybox");
});

/** Either client, with its own view of Docker's config.json and with the helper on its PATH. */
async function client(which: Client, args: readonly string[], input = ""): Promise<RunResult> {
  const env = {
    DOCKER_CONFIG: configFolder,
    PATH: `${helper.folder}:${process.env["PATH"]}`,
  };
  const program = which === "duet" ? duet : "docker";
  const signal = AbortSignal.timeout(300_000);
  return await run(program, ["--host", `unix://${daemon.socket}`, ...args], {
    env,
    input,
    signal,
    okCodes: "any",
  });
}

async function succeeds(which: Client, args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await client(which, args, input);
  assert.equal(code, 0, `${which} ${args.join(" ")}: ${stderr}`);
  return stdout.toString();
}

async function configure(config: unknown): Promise<void> {
  await writeFile(join(configFolder, "config.json"), JSON.stringify(config));
}

async function configured(): Promise<unknown> {
  return JSON.parse(await readFile(join(configFolder, "config.json"), "utf8"));
}

async function logIn(which: Client, user = "ada"): Promise<void> {
  const words = ["login", "-u", user, "--password-stdin", gate.address];
  assert.match(await succeeds(which, words, "secret"), /Login Succeeded/);
}

for (const which of clients) {
  test(`a token takes the password's place in the helper of ${which} login, and both clients go by it`, async () => {
    await configure({ credsStore: "kept" });
    const name = `${gate.address}/${which}/box:1`;
    await daemon.docker("tag", "busybox", name);
    assert.notEqual((await client(which, ["push", "-q", name])).code, 0, "nobody unknown gets in");
    await logIn(which);
    assert.deepEqual(await helper.kept(gate.address), {
      ServerURL: gate.address,
      Username: "<token>",
      Secret: "identity-of-ada",
    });
    assert.deepEqual(await configured(), { auths: { [gate.address]: {} }, credsStore: "kept" });
    for (const each of clients) {
      gate.asked.length = 0;
      await succeeds(each, ["push", "-q", name]);
      await succeeds(each, ["pull", "-q", name]);
    }
    const tokens = gate.asked.filter((line) => line.startsWith("token"));
    const exchanged = tokens.filter((line) => line.startsWith("token POST ada repository:"));
    assert.deepEqual(tokens, exchanged, "no password is sent any more");
    await succeeds(which, ["logout", gate.address]);
    assert.equal(await helper.kept(gate.address), undefined);
    assert.deepEqual(await configured(), { auths: {}, credsStore: "kept" });
    for (const each of clients) {
      const refused = await client(each, ["pull", "-q", name]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /unauthorized: incorrect username or password/);
    }
  });
}

test("a helper of one registry is asked in the place of the one for all, by both clients", async () => {
  await configure({ credsStore: "absent", credHelpers: { [gate.address]: "kept" } });
  const name = `${gate.address}/duet/box:1`;
  for (const each of clients) {
    await logIn(each);
    await succeeds(each, ["pull", "-q", name]);
    await succeeds(each, ["logout", gate.address]);
  }
  const verbs = new Set(await helper.verbs());
  assert.deepEqual([...verbs].filter((verb) => verb !== "list").toSorted(), [
    "erase",
    "get",
    "store",
  ]);
});

test("a token that ends in the middle of a push is renewed, and the push goes on", async () => {
  await configure({ credsStore: "kept" });
  await logIn("duet");
  gate.asked.length = 0;
  await daemon.docker("tag", "busybox", `${gate.address}/duet/cut/box:1`);
  await succeeds("duet", ["push", "-q", `${gate.address}/duet/cut/box:1`]);
  assert.ok(gate.asked.includes("401 PUT"), gate.asked.join("\n"));
  await succeeds("duet", ["logout", gate.address]);
});

test("who may only read is told that the push is denied", async () => {
  await configure({});
  await logIn("duet", "guest");
  for (const each of clients) {
    const { code, stderr } = await client(each, ["push", `${gate.address}/duet/box:1`]);
    assert.notEqual(code, 0);
    assert.match(stderr, /denied: requested access to the resource is denied/);
    await succeeds(each, ["pull", "-q", `${gate.address}/duet/box:1`]);
  }
  await succeeds("duet", ["logout", gate.address]);
});
