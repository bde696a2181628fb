import assert from "node:assert/strict";
import { test } from "node:test";
import { sourcesFor } from "../../tools/peers/sources.ts";

const modern = `# snapshot
Types: deb
URIs: http://archive.example/debian
# a comment
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
`;
const classic =
  "deb [arch=amd64 signed-by=/k.gpg] http://archive.example/debian bookworm main contrib\n";

test("another suite comes from the host's own archive, with its keys", () => {
  assert.equal(
    sourcesFor("sid", "bookworm", [modern]),
    "Types: deb\nURIs: http://archive.example/debian\nSuites: sid\nComponents: main\n" +
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
  );
  assert.equal(
    sourcesFor("sid", "bookworm", ["", classic]),
    "Types: deb\nURIs: http://archive.example/debian\nSuites: sid\nComponents: main contrib\nSigned-By: /k.gpg\n",
  );
});

test("a host without the archive of its own suite is told what to add", () => {
  assert.throws(
    () => sourcesFor("sid", "bookworm", ["deb http://other.example/apt stable main\n"]),
    {
      code: "NO_ARCHIVE",
    },
  );
});
