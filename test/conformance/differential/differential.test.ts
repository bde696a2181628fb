import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { Scope } from "../../../src/kit/scope.ts";
import { containersOnly, TestDaemon } from "../../e2e/daemon.ts";
import {
  describe,
  differencesFromRecord,
  differencesOf,
  judge,
  newerName,
  playOne,
  withoutDockersOwn,
  type Found,
} from "./differences.ts";
import { loadImages, startDocker, whenShellWaits } from "./engines.ts";
import type { Engine } from "./play.ts";
import { isRecordedIn, otherVersions, readRecording, wholeVersion } from "./recording.ts";
import { scenarios } from "./scenarios/index.ts";

/**
 * The installed dockerd and Duet, asked the same, and what Docker 28 answered when it was recorded, also in
 * other versions of the API. `npm run differential` is the long form: it asks a newer dockerd.
 */
const scope = new Scope();
const found: Found[] = [];
let docker: Engine | undefined;
let duet: Engine;
let whyNot = "";

before(async () => {
  const folder = await mkdtemp("/tmp/duet-differential-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  try {
    docker = await startDocker("", join(folder, "docker"), scope, never);
    await loadImages(docker);
  } catch (error) {
    if (!isDuetError(error, "unavailable")) throw error;
    docker = undefined;
    whyNot = error.message;
  }
  const daemon = await TestDaemon.start(
    { after: (undo) => scope.defer(undo as () => Promise<void>) },
    { flags: containersOnly },
  );
  const engine = { name: "duet", socket: daemon.socket, folder: daemon.folder };
  duet = { ...engine, settle: (request) => whenShellWaits(engine, request) };
  await loadImages(duet);
});

after(() => scope[Symbol.asyncDispose]());

const version = wholeVersion;
const recording = readRecording(version);

for (const scenario of scenarios.filter(({ quick }) => quick === true)) {
  test(`Duet answers as Docker does: ${scenario.name}`, async (context) => {
    const installed = docker;
    const [answered, asked] = await Promise.all([
      playOne(duet, scenario, version),
      installed === undefined ? [] : playOne(installed, scenario, version),
    ]);
    const newer = differencesFromRecord(scenario, version, recording, answered);
    const older = installed === undefined ? [] : differencesOf(scenario, version, asked, answered);
    const left = withoutDockersOwn(older, newer, recording);
    found.push(...newer, ...left);
    if (installed === undefined) context.diagnostic(`only beside what was recorded: ${whyNot}`);
    const undecided = [
      ...judge(newer, newerName).undecided,
      ...judge(left, installed?.name ?? "").undecided,
    ];
    assert.deepEqual(undecided.map(describe), []);
  });
}

for (const other of otherVersions) {
  test(`Duet answers in version ${other} of the API as Docker does`, async () => {
    const known = readRecording(other);
    const undecided: Found[] = [];
    for (const scenario of scenarios.filter((one) => isRecordedIn(one, other))) {
      const answered = await playOne(duet, scenario, other);
      const differences = differencesFromRecord(scenario, other, known, answered);
      found.push(...differences);
      undecided.push(...judge(differences, newerName).undecided);
    }
    assert.deepEqual(undecided.map(describe), []);
  });
}

test("every decided difference still occurs", () => {
  const { unseen } = judge(found, newerName);
  assert.deepEqual(
    unseen.map(({ what }) => what),
    [],
  );
});
