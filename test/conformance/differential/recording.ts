import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loosened } from "./compare.ts";
import type { Played } from "./play.ts";
import type { Json } from "./reading.ts";

/** What a dockerd answered to every step of the scenarios, by `scenario · step`. */
export type Recording = ReadonlyMap<string, Json>;

/** Steps whose answers are of the host: nothing to keep. */
const ofTheHost = /GET \/(info|version)$/;

/** The recording of Docker 28 in a version of the API; empty where there is none. */
export function readRecording(version: string): Recording {
  const path = pathOf(version);
  if (!existsSync(path)) return new Map();
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line) as [string, Json]));
}

export function writeRecording(version: string, recording: Recording): void {
  const lines = [...recording].map((entry) => `${JSON.stringify(entry)}\n`);
  writeFileSync(pathOf(version), lines.join(""));
}

/** Adds what was played; ids, times and addresses go without their value. */
export function record(into: Map<string, Json>, scenario: string, played: readonly Played[]): void {
  for (const { step, answer } of played) {
    if (!ofTheHost.test(step)) into.set(`${scenario} · ${step}`, withoutChance(answer));
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

function pathOf(version: string): string {
  return join(import.meta.dirname, `recorded/docker-28.5.2-v${version}.ndjson`);
}
