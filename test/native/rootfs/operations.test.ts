import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  enterFlag,
  metadataPart,
  treeAnswer,
  treeHeaderSize,
  treeMaximumPayload,
  treeOperation,
  treePolicy,
  walkFlag,
} from "../../../src/kit/tree/operations.ts";

const root = join(import.meta.dirname, "../../..");
const header = readFileSync(join(root, "native/rootfs/operations.h"), "utf8");

function numberOf(name: string): number {
  const match = new RegExp(`\\b${name} = (\\d+)`).exec(header);
  assert.ok(match, `${name} is in operations.h`);
  return Number(match[1]);
}

test("C and TypeScript give the operations the same numbers, and the document has them all", () => {
  const document = readFileSync(join(root, "docs/internals/rootfs-operations.md"), "utf8");
  for (const [name, number] of Object.entries(treeOperation)) {
    assert.equal(number, numberOf(`ROOTFS_${name.toUpperCase()}`));
    assert.match(document, new RegExp(`^\\| ${number} \\| ${name.toUpperCase()} \\|`, "m"));
  }
  for (const [name, number] of Object.entries(treeAnswer)) {
    assert.equal(number, numberOf(`ROOTFS_${name.toUpperCase()}`));
    assert.match(document, new RegExp(`${number} ${name.toUpperCase()}`));
  }
});

test("C and TypeScript give flags, policies and sizes the same numbers", () => {
  assert.equal(treePolicy.replace, numberOf("ROOTFS_REPLACE"));
  assert.equal(treePolicy.keepKind, numberOf("ROOTFS_KEEP_KIND"));
  assert.equal(treePolicy.keep, numberOf("ROOTFS_KEEP"));
  assert.equal(metadataPart.times, numberOf("ROOTFS_TIMES"));
  assert.equal(metadataPart.attributes, numberOf("ROOTFS_ATTRIBUTES"));
  assert.equal(enterFlag.layer, numberOf("ROOTFS_LAYER"));
  assert.equal(walkFlag.overlay, numberOf("ROOTFS_WITH_OVERLAY"));
  assert.equal(walkFlag.packed, numberOf("ROOTFS_WITH_PACKED"));
  assert.equal(enterFlag.beside, numberOf("ROOTFS_BESIDE"));
  assert.match(header, /ROOTFS_MAX_PAYLOAD \(1u << 20\)/);
  assert.equal(treeMaximumPayload, 1 << 20);
  assert.match(header, new RegExp(`ROOTFS_HEADER ${treeHeaderSize}u`));
});
