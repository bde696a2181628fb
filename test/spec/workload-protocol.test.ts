import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as protocol from "../../src/spec/workload.ts";

const header = readFileSync(join(import.meta.dirname, "../../native/shared/protocol.h"), "utf8");

function constants(prefix: string): Record<string, number> {
  const found = [...header.matchAll(new RegExp(`^\\t${prefix}_([A-Z0-9_]+) = (\\d+),`, "gm"))];
  return Object.fromEntries(found.map(([, name, value]) => [camelCase(name!), Number(value)]));
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

test("C and TypeScript know the same messages", () => {
  assert.deepEqual({ ...protocol.messageType }, constants("MESSAGE"));
});

test("C and TypeScript know the same field tags", () => {
  assert.deepEqual({ ...protocol.fieldTag }, constants("TAG"));
});

test("C and TypeScript have the same limits", () => {
  const value = (name: string): number =>
    Number(new RegExp(`\\b${name} = (\\d+)`).exec(header)?.[1]);
  assert.equal(protocol.protocolVersion, value("PROTOCOL_VERSION"));
  assert.equal(protocol.maximumPayload, value("MAXIMUM_PAYLOAD"));
  assert.equal(protocol.initialCredit, value("INITIAL_CREDIT"));
  assert.equal(protocol.frameHeaderSize, value("FRAME_HEADER_SIZE"));
});

test("no tag has two meanings", () => {
  const values = Object.values(constants("TAG"));
  assert.equal(new Set(values).size, values.length);
});
