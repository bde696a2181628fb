import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareAnswers, loosened } from "./compare.ts";
import type { Played } from "./play.ts";
import type { Json } from "./reading.ts";
import type { Scenario } from "./scenario.ts";

/** What a dockerd answered to every step of the scenarios, by `scenario · step`. */
export type Recording = ReadonlyMap<string, Json>;

/** The version of the API in which every quick scenario is recorded: that of the dockerd that Debian 12 has. */
export const wholeVersion = "1.41";
/** The others, each after its neighbour on the way to the whole one. */
const minors = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => from + index * step);
export const otherVersions: readonly string[] = [...minors(40, 24, -1), ...minors(42, 51, 1)].map(
  (minor) => `1.${minor}`,
);
/** Those whose clients are met most: the oldest, that of old tools for tests, Docker 19.03's and the newest. */
const someVersions: ReadonlySet<string> = new Set(["1.24", "1.30", "1.40", "1.51"]);

/** Whether what Docker 28 answers to a scenario in a version of the API is on record. */
export function isRecordedIn({ quick, versions }: Scenario, version: string): boolean {
  if (quick !== true || version === wholeVersion) return quick === true;
  return versions === "each" || (versions === "some" && someVersions.has(version));
}

const wholePath = join(import.meta.dirname, `recorded/docker-28.5.2-v${wholeVersion}.ndjson`);
const changesPath = join(import.meta.dirname, "recorded/docker-28.5.2-other-versions.ndjson");

/** Docker 28 in a version of the API: what it answers in the whole one, and what changes on the way from there. */
export function readRecording(version: string): Recording {
  const recording = new Map(linesOf<[key: string, answer: Json]>(wholePath));
  const way = wayTo(version);
  for (const [changedIn, key, answer] of linesOf<[string, string, Json]>(changesPath)) {
    if (way.includes(changedIn)) recording.set(key, answer);
  }
  return recording;
}

function wayTo(version: string): readonly string[] {
  const [whole, last] = [minorOf(wholeVersion), minorOf(version)];
  return otherVersions.filter((one) => {
    const minor = minorOf(one);
    return last < whole ? minor < whole && minor >= last : minor > whole && minor <= last;
  });
}

function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

function linesOf<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as T);
}

/** Writes what was recorded in every version; of the others only what differs from their neighbour. */
export function writeRecordings(recorded: ReadonlyMap<string, Recording>): void {
  const whole = recorded.get(wholeVersion) ?? new Map<string, Json>();
  writeLines(wholePath, [...whole]);
  const changes: [string, string, Json][] = [];
  let known = new Map(whole);
  for (const version of otherVersions) {
    // The first of the newer ones follows the whole one again.
    if (version === `1.${minorOf(wholeVersion) + 1}`) known = new Map(whole);
    for (const [key, answer] of recorded.get(version) ?? []) {
      const before = known.get(key);
      if (before !== undefined && compareAnswers(before, answer).length === 0) continue;
      known.set(key, answer);
      changes.push([version, key, answer]);
    }
  }
  writeLines(changesPath, changes);
}

function writeLines(path: string, values: readonly unknown[]): void {
  writeFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join(""));
}

/** Adds what was played; ids, times and addresses go without their value. */
export function record(into: Map<string, Json>, scenario: string, played: readonly Played[]): void {
  for (const { step, answer, isOfHost } of played) {
    if (!isOfHost) into.set(`${scenario} · ${step}`, withoutChance(answer));
  }
}

function withoutChance(value: Json): Json {
  if (typeof value === "string") return loosened(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(withoutChance);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [loosened(key), withoutChance(one)]),
  );
}
