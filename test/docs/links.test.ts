import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkLinks } from "../../tools/links/check.ts";
import { projectRoot } from "../../tools/project.ts";

test("every link of the documentation leads somewhere, and every page is reached from the README", () => {
  assert.deepEqual(checkLinks(projectRoot), { broken: [], unreachable: [] });
});

test("the README names every page for users", () => {
  const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
  const pages = readdirSync(join(projectRoot, "docs")).filter((name) => name.endsWith(".md"));
  assert.deepEqual(
    pages.filter((name) => !readme.includes(`](docs/${name})`)),
    [],
  );
});

test("links to files, headings and pages that are not there are found, and code is no link", (context) => {
  const root = mkdtempSync(join(tmpdir(), "duet-links-"));
  context.after(() => rmSync(root, { recursive: true }));
  const pages = {
    "README.md": "[a](docs/a.md#how-its-made) [b](docs/b.md) [c](https://example.com/x) [d](#none)",
    "docs/a.md":
      "# How it's made\n\n```sh\n# no heading\n[x](code)\n```\n`[y](code)` [e](a.md#no-heading)",
    "docs/alone.md": "[back](../README.md)",
  };
  for (const [name, text] of Object.entries(pages)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const { broken, unreachable } = checkLinks(root);
  assert.deepEqual(broken.toSorted(), [
    "README.md: #none",
    "README.md: docs/b.md",
    "docs/a.md: a.md#no-heading",
  ]);
  assert.deepEqual(unreachable, ["docs/alone.md"]);
});
