import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkImports } from "../../tools/imports/check.ts";
import { findCycles } from "../../tools/imports/cycles.ts";
import { rooms } from "../../tools/imports/rooms.ts";
import { scanImports } from "../../tools/imports/scan.ts";
import { projectRoot } from "../../tools/project.ts";

const packages = { product: new Set(["koffi"]), development: new Set(["fast-check"]) };

/** The rules broken by a project of these files. */
function broken(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkImports(sources, new Set(Object.keys(files)), packages).map(
    (finding) => finding.rule,
  );
}

test("every way to import is found, and nothing that only looks like one", () => {
  const source = `
    import a, { b } from "./one.ts";
    import type { C } from "./two.ts";
    import "./three.ts";
    export * from "./four.ts";
    export { d as default } from "./five.ts";
    export type { E } from "./six.ts";
    const lazy = await import("./seven.ts");
    type F = import("./eight.ts").F;
    // import "./no.ts"
    const text = 'import "./no.ts"' + \`import("./no.ts")\`;
    const where = import.meta.dirname; loader.import("./no.ts");
    export const from = "./no.ts";
    class Archive { import(tar: string): void {} }
  `;
  const found = scanImports(source).map((one) => one.specifier);
  const names = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
  assert.deepEqual(
    found,
    names.map((name) => `./${name}.ts`),
  );
});

test("a driver may import the domain and not another driver, the engine not a driver", () => {
  const driver = { "src/drivers/store/a.ts": 'import "../../domain/a.ts";', "src/domain/a.ts": "" };
  assert.deepEqual(broken(driver), []);
  const neighbours = {
    "src/drivers/store/a.ts": 'import "../network/a.ts";',
    "src/drivers/network/a.ts": "",
  };
  assert.deepEqual(broken(neighbours), ["import-border"]);
  const engine = { "src/engine/a.ts": 'import type {} from "../drivers/store/a.ts";' };
  assert.deepEqual(broken({ ...engine, "src/drivers/store/a.ts": "" }), ["import-border"]);
});

test("the command line does not reach the engine", () => {
  const files = { "src/cli/a.ts": 'await import("../engine/a.ts");', "src/engine/a.ts": "" };
  assert.deepEqual(broken(files), ["import-border"]);
});

test("the domain does no I/O, and the engine starts no program", () => {
  assert.deepEqual(broken({ "src/domain/a.ts": 'import "node:fs/promises";' }), ["import-reach"]);
  assert.deepEqual(broken({ "src/engine/a.ts": 'import "node:fs/promises";' }), []);
  assert.deepEqual(broken({ "src/engine/a.ts": 'import "node:child_process";' }), ["import-reach"]);
});

test("product code imports only what the product installs", () => {
  assert.deepEqual(broken({ "src/kit/a.ts": 'import "koffi";' }), []);
  assert.deepEqual(broken({ "src/kit/a.ts": 'import "fast-check";' }), ["import-declared"]);
  assert.deepEqual(broken({ "test/a.ts": 'import "fast-check";' }), []);
  assert.deepEqual(broken({ "test/a.ts": 'import "left-pad";' }), ["import-declared"]);
});

test("a computed import and a missing file are refused", () => {
  assert.deepEqual(broken({ "src/kit/a.ts": "await import(name);" }), ["import-literal"]);
  assert.deepEqual(broken({ "src/kit/a.ts": 'import "./b.ts";' }), ["import-exists"]);
});

test("types and lazy imports make no circle of files", () => {
  const types = {
    "src/kit/a.ts": 'import { b } from "./b.ts";',
    "src/kit/b.ts": 'import type { A } from "./a.ts";',
  };
  assert.deepEqual(broken(types), []);
  const lazy = {
    "src/kit/a.ts": 'import { b } from "./b.ts";',
    "src/kit/b.ts": 'await import("./a.ts");',
  };
  assert.deepEqual(broken(lazy), []);
  const named = {
    "src/kit/a.ts": 'import type from "./b.ts";',
    "src/kit/b.ts": 'import "./a.ts";',
  };
  assert.deepEqual(broken(named), ["file-cycle"]);
});

test("files and rooms that import each other in a circle are refused", () => {
  const files = { "src/kit/a.ts": 'import "./b.ts";', "src/kit/b.ts": 'import "./a.ts";' };
  assert.deepEqual(broken(files), ["file-cycle"]);
  const apart = {
    "src/daemon/a.ts": 'import "../kit/a.ts";',
    "src/daemon/b.ts": "",
    "src/kit/a.ts": 'import "../daemon/b.ts";',
  };
  assert.deepEqual(broken(apart), ["import-border", "room-cycle"]);
});

test("only nodes that reach themselves are in a circle", () => {
  const graph = new Map([
    ["a", new Set(["b"])],
    ["b", new Set(["c"])],
    ["c", new Set(["b", "d"])],
    ["d", new Set<string>()],
  ]);
  assert.deepEqual(findCycles(graph), [["b", "c"]]);
});

test("the table of rooms says what the page of rooms says", async () => {
  const page = await readFile(join(projectRoot, "docs/internals/rooms.md"), "utf8");
  const sentence = /Allowed imports: ([^.]*)\./.exec(page)?.[1];
  assert.ok(sentence !== undefined, "docs/internals/rooms.md lists the allowed imports");
  const listed = sentence.replaceAll(/\s+/g, " ").split("; ");
  const table = rooms.map(({ room, may }) => {
    const targets = may.includes("*") ? "everything" : may.join(", ");
    return `${room} → ${targets === "" ? "nothing" : targets}`;
  });
  assert.deepEqual(listed, table);
});
