import { join } from "node:path";
import { test } from "node:test";
import { loadImages } from "../e2e/images.ts";
import { relay } from "./relay.ts";
import { clientsOfFile } from "./shared.ts";

const session = join(import.meta.dirname, "sessions/testcontainers.ts");

test("testcontainers", async (context) => {
  const client = await clientsOfFile("newest");
  await loadImages(client.daemon, "reaper");
  await client.docker("tag", "reaper", "testcontainers/ryuk:0.14.0");
  const command = client.daemon.hostCommand(process.execPath, session);
  await relay(context, command, {
    ...client.environment,
    PATH: `${join(client.tree, "usr/bin")}:${process.env["PATH"] ?? ""}`,
    TESTCONTAINERS_RYUK_RECONNECTION_TIMEOUT: "1s",
    TMPDIR: client.daemon.folder,
  });
});
