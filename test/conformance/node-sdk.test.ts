import { join } from "node:path";
import { test } from "node:test";
import { relay } from "./relay.ts";
import { clientsOfFile } from "./shared.ts";

const session = join(import.meta.dirname, "sessions/node-sdk.ts");

test("@docker/node-sdk", async (context) => {
  const client = await clientsOfFile("newest");
  const command = client.daemon.hostCommand(process.execPath, session);
  await relay(context, command, client.environment);
});
