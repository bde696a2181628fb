import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Scope } from "../../../src/kit/scope.ts";
import { TestDaemon } from "../../e2e/daemon.ts";
import { decisions } from "./decided.ts";
import {
  describe,
  differencesFromRecord,
  judge,
  newerName,
  playOne,
  type Found,
} from "./differences.ts";
import { loadImages } from "./engines.ts";
import { asMachines, machineDaemon, machineDecisions } from "./machines.ts";
import type { Engine } from "./play.ts";
import { readRecording, wholeVersion } from "./recording.ts";
import { scenarios } from "./scenarios/index.ts";

/**
 * Virtual machines of Duet beside what Docker 28 answered for containers when it was recorded. The short
 * form of `npm run differential -- --isolation vm`: what shows each of `machineDecisions`.
 */
const wanted: ReadonlySet<string> = new Set([
  "inspect gives back what create was given",
  "lists and their filters",
  "files in and out",
]);
const scope = new Scope();
const found: Found[] = [];
let duet: Engine;

before(async () => {
  const daemon = await TestDaemon.start(
    { after: (undo) => scope.defer(undo as () => Promise<void>) },
    machineDaemon,
  );
  duet = asMachines({ name: "duet", socket: daemon.socket, folder: daemon.folder });
  await loadImages(duet);
});

after(() => scope[Symbol.asyncDispose]());

const recording = readRecording(wholeVersion);
const decided = [...machineDecisions, ...decisions];

for (const scenario of scenarios.filter(({ name }) => wanted.has(name))) {
  test(`a virtual machine answers as Docker's containers do: ${scenario.name}`, async () => {
    const answered = await playOne(duet, scenario, wholeVersion);
    const differences = differencesFromRecord(scenario, wholeVersion, recording, answered);
    found.push(...differences);
    assert.deepEqual(judge(differences, newerName, decided).undecided.map(describe), []);
  });
}

test("every decided difference of virtual machines still occurs", () => {
  const { unseen } = judge(found, newerName, decided);
  const left = unseen.filter((decision) => machineDecisions.includes(decision));
  assert.deepEqual(
    left.map(({ what }) => what),
    [],
  );
});
