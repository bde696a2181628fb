import assert from "node:assert/strict";
import { test } from "node:test";
import { humanDuration, parseMoment, timeText } from "../../../src/servers/docker/time.ts";

test("durations read as docker ps writes them", () => {
  const cases: [number, string][] = [
    [0, "Less than a second"],
    [1_000, "1 second"],
    [59_000, "59 seconds"],
    [60_000, "About a minute"],
    [61 * 60_000, "About an hour"],
    [5 * 3_600_000, "5 hours"],
    [47 * 3_600_000, "47 hours"],
    [48 * 3_600_000, "2 days"],
    [15 * 86_400_000, "2 weeks"],
    [61 * 86_400_000, "2 months"],
    [800 * 86_400_000, "2 years"],
  ];
  for (const [milliseconds, text] of cases) assert.equal(humanDuration(milliseconds), text);
});

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
