import assert from "node:assert/strict";
import { test } from "node:test";
import { DetachMatcher, parseDetachKeys } from "../../../src/servers/docker/detach-keys.ts";

/** Feeds bytes one chunk at a time; gives what came through and whether it detached. */
function feed(keys: string, chunks: readonly string[]): { text: string; detached: boolean } {
  const matcher = new DetachMatcher(parseDetachKeys(keys));
  let text = "";
  for (const chunk of chunks) {
    const step = matcher.feed(Buffer.from(chunk, "latin1"));
    text += step.forward.toString("latin1");
    if (step.detached) return { text, detached: true };
  }
  return { text: text + matcher.flush().toString("latin1"), detached: false };
}

test("the default keys are ctrl-p and ctrl-q", () => {
  assert.deepEqual(parseDetachKeys(""), Buffer.from([16, 17]));
});

test("keys may be characters and control characters", () => {
  assert.deepEqual(parseDetachKeys("a,ctrl-a,ctrl-@,ctrl-["), Buffer.from([97, 1, 0, 27]));
});

test("a key that is none is refused", () => {
  for (const text of ["ctrl-1", "ctrl-", "ab", ",", "ctrl-aa", "ctrl-a,"]) {
    assert.throws(() => parseDetachKeys(text), { class: "invalid" }, text);
  }
});

test("the sequence detaches, also when it comes in pieces", () => {
  assert.deepEqual(feed("", ["ls\x10\x11"]), { text: "ls", detached: true });
  assert.deepEqual(feed("", ["ls\x10", "\x11rest"]), { text: "ls", detached: true });
});

test("bytes that only begin the sequence are forwarded", () => {
  assert.deepEqual(feed("", ["a\x10", "b\x11\x10"]), { text: "a\x10b\x11\x10", detached: false });
});

test("a sequence that begins within itself is found", () => {
  assert.deepEqual(feed("a,a,b", ["aaab"]), { text: "a", detached: true });
  assert.deepEqual(feed("a,b,a,c", ["aba", "bac"]), { text: "ab", detached: true });
});

test("nothing is lost or reordered without the sequence", () => {
  const text = Array.from({ length: 500 }, (_, index) => "ab\x10c"[(index * 7) % 4]).join("");
  const chunks = text.match(/.{1,3}/gs) ?? [];
  assert.deepEqual(feed("", chunks), { text, detached: false });
});
