import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMoment, timeText } from "../../../src/servers/docker/time.ts";

test("moments are seconds, dates or durations before now", () => {
  assert.equal(parseMoment("1700000000.5", 0), 1_700_000_000_500);
  assert.equal(parseMoment("2026-01-02T03:04:05Z", 0), Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.equal(parseMoment("2026-01-02", 0), Date.UTC(2026, 0, 2));
  assert.equal(parseMoment("1h30m", 0, 10_000_000), 10_000_000 - 5_400_000);
  assert.equal(parseMoment("", 42), 42);
  for (const text of ["yesterday", "1x", "1h2", "2026-13-45T", "9".repeat(50)]) {
    assert.throws(() => parseMoment(text, 0), { class: "invalid" }, text);
  }
});

test("what has not happened has Go's zero time", () => {
  assert.equal(timeText(0), "0001-01-01T00:00:00Z");
});
