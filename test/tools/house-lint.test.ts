import assert from "node:assert/strict";
import { test } from "node:test";
import { lintHouse } from "../../tools/house/rule.ts";
import { houseRules } from "../../tools/house/rules.ts";
import { describeFinding } from "../../tools/source/finding.ts";

/** The rules that one file breaks, in a project that has `others` too. */
function broken(path: string, text: string, others: readonly string[] = []): string[] {
  const findings = lintHouse([{ path, text }], new Set([path, ...others]), houseRules, []);
  return findings.map((finding) => finding.rule);
}

const lines = (count: number): string => "x;\n".repeat(count);

const cases: readonly (readonly [rule: string, path: string, bad: string, good: string])[] = [
  ["file-size", "src/kit/a.ts", lines(401), lines(400)],
  [
    "native-function-size",
    "native/shim/a.c",
    `static int main(void)\n{\n${lines(60)}}\n`,
    `static int main(void)\n{\n${lines(50)}}\n`,
  ],
  ["abort-reason", "src/kit/a.ts", "controller.abort();", 'controller.abort(canceled("x"));'],
  ["test-sleep", "test/kit/a.test.ts", "setTimeout(done, 5);", "AbortSignal.timeout(5);"],
  ["test-sleep", "test/kit/a.test.ts", 'import "node:timers/promises";', '"// timers/promises x";'],
  ["test-focus", "test/kit/a.test.ts", "test.only(x);", "only.test(x);"],
  ["test-focus", "test/kit/a.test.ts", "test(x, { skip: true });", 'test(x, { skip: "no KVM" });'],
  ["no-shell", "src/kit/a.ts", "spawn(a, { shell: true });", "spawn(a, { shell: false });"],
  [
    "no-shell",
    "src/kit/a.ts",
    'import { exec } from "node:child_process";',
    'import { spawn } from "node:child_process"; regex.execute(a);',
  ],
  ["no-console", "src/engine/a.ts", "console.log(1);", "log.info('console.log');"],
  ["typed-error", "src/engine/a.ts", 'throw new Error("x");', 'throw new DuetError("x");'],
  ["machine-place", "docs/a.md", `see ${["", "work", "main"].join("/")}`, "see homework/main"],
  [
    "machine-place",
    "src/kit/a.ts",
    ['"http:/', 'mirror.corp.net/a"'].join("/"),
    '"http://registry.example/a"',
  ],
  [
    "pinned-package",
    "package.json",
    '{"dependencies":{"a":"^1.0.0"}}',
    '{"dependencies":{"a":"1.0.0"}}',
  ],
  ["hostless-lockfile", "package-lock.json", '"resolved": "https://host/a.tgz"', '"version": "1"'],
  [
    "native-call",
    "native/agent/a.c",
    "sprintf(a, b);",
    'snprintf(a, 1, "strcpy(a)"); /* system() */',
  ],
];

for (const [rule, path, bad, good] of cases) {
  test(`${rule} finds its offence in ${path} and leaves the good form alone: ${bad.slice(0, 30)}`, () => {
    assert.deepEqual(broken(path, bad), [rule]);
    assert.deepEqual(broken(path, good), []);
  });
}

test("a junk drawer is refused by its name", () => {
  assert.deepEqual(broken("src/kit/utils.ts", ""), ["file-name"]);
  assert.deepEqual(broken("src/common/a.ts", ""), ["file-name"]);
  assert.deepEqual(broken("test/kit/string-helpers.test.ts", ""), ["file-name"]);
  assert.deepEqual(broken("src/kit/commons-licence.ts", ""), []);
});

test("a page may name only files, folders and links that exist", () => {
  const others = ["src/kit/a.ts", "docs/internals/b.md"];
  assert.deepEqual(broken("docs/x.md", "`src/kit/gone.ts` ", others), ["page-path"]);
  assert.deepEqual(broken("docs/x.md", "[b](internals/c.md)", others), ["page-path"]);
  assert.deepEqual(
    broken("docs/x.md", "`src/kit` and `src/kit/*` and `src/kit/a.ts`.", others),
    [],
  );
  assert.deepEqual(broken("docs/x.md", "[b](internals/b.md#top)", others), []);
});

test("an exception silences its rule in its file, and is a finding once nothing needs it", () => {
  const exception = { rule: "file-size", path: "src/kit/a.ts", reason: "a table" };
  const paths = new Set(["src/kit/a.ts"]);
  const lint = (text: string): string[] =>
    lintHouse([{ path: "src/kit/a.ts", text }], paths, houseRules, [exception]).map(
      (one) => one.what,
    );
  assert.deepEqual(lint(lines(500)), []);
  assert.deepEqual(lint(lines(5)), ["an exception that nothing needs any more"]);
});

test("a finding says where, what and how to mend it", () => {
  const [finding] = lintHouse(
    [{ path: "src/kit/a.ts", text: "\ncontroller.abort();" }],
    new Set(),
    houseRules,
    [],
  );
  assert.ok(finding !== undefined);
  assert.match(
    describeFinding(finding),
    /^src\/kit\/a\.ts:2 {2}an abort without .*: give abort\(\)/,
  );
});
