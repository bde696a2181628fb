import assert from "node:assert/strict";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { playCommits } from "./main.ts";

/** `npm run differential -- --commits N` is the long form: other seeds, a newer dockerd, machines. */
const play = { docker: "", count: 6, seed: 7, isVm: false };

test("containers that are changed at random are committed, exported and sent as those of Docker", async (context) => {
  const told: string[] = [];
  const tell = (line: string): void => void told.push(line);
  try {
    const kinds = await playCommits({ ...play, tell }, never);
    assert.equal(kinds, 0, told.join("\n"));
    assert.match(told.join("\n"), /6 containers, 6 alike/);
  } catch (error) {
    if (!isDuetError(error, "unavailable")) throw error;
    context.skip(error.message);
  }
});
