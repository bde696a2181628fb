import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { GitFolder } from "../../../src/drivers/build-sources/git-program.ts";
import { never } from "../../../src/kit/abort.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";

test("git, which is nobody, may use the socket of the client's ssh agent", async (t) => {
  const parent = temporaryFolder(t);
  chmodSync(parent, 0o711);
  const socket = join(parent, "agent");
  const server = createServer().listen(socket);
  t.after(() => server.close());
  await once(server, "listening");
  chmodSync(socket, 0o600);
  const reach = { resolved: [], proxy: "", authorization: null, sshSocket: socket, pinned: null };
  await using folder = await GitFolder.make(reach);
  const alias = 'alias.look=!id -u; test -w "$SSH_AUTH_SOCK" && echo may';
  assert.equal(await folder.text(["-c", alias, "look"], never), "65534\nmay\n");
});
