import assert from "node:assert/strict";
import { test } from "node:test";
import { humanDuration, parseGoDuration, readGoDuration } from "../../src/kit/go-duration.ts";

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

test("durations are read as Go reads them", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["-0", 0],
    ["1h30m", 5.4e12],
    ["250ms", 2.5e8],
    ["1.5s", 1.5e9],
    [".5s", 5e8],
    ["1.s", 1e9],
    ["+3us", 3e3],
    ["3\u00b5s", 3e3],
    ["3\u03bcs", 3e3],
    ["-2m", -1.2e11],
  ];
  for (const [text, nanoseconds] of cases)
    assert.equal(Math.abs(nanoseconds - (readGoDuration(text).nanoseconds ?? Number.NaN)), 0, text);
  for (const text of [
    "",
    "-",
    "x",
    "1x",
    " 1s",
    "1s ",
    "1 s",
    ".s",
    "1e3s",
    "9".repeat(101),
    "400000000h",
  ])
    assert.ok(readGoDuration(text).fault !== undefined, text);
  for (const text of ["1", "1h2"])
    assert.equal(readGoDuration(text).fault, "time: missing unit in duration");
  assert.equal(parseGoDuration("-1s"), undefined);
  assert.equal(parseGoDuration("1h"), 3_600_000);
});
