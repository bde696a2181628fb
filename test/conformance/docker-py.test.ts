import { join } from "node:path";
import { test } from "node:test";
import { clientsOfFile } from "./shared.ts";
import { relay } from "./relay.ts";

const session = join(import.meta.dirname, "sessions/docker-py.py");

test("docker-py of Debian 12", async (context) => {
  const client = await clientsOfFile("debian-12");
  const command = client.daemon.hostCommand("/usr/bin/python3", "-B", session);
  const env = { PYTHONPATH: join(client.tree, "usr/lib/python3/dist-packages") };
  await relay(context, command, { ...client.environment, ...env });
});
