import { createServer, type Server, type Socket } from "node:net";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Qmp } from "./qmp.ts";

/** Only device state crosses: memory is a file that both sides map (QEMU's `x-ignore-shared`). */
async function shareMemory(qmp: Qmp, signal: AbortSignal): Promise<void> {
  const capabilities = ["x-ignore-shared", "events"].map((capability) => ({
    capability,
    state: true,
  }));
  await qmp.execute("migrate-set-capabilities", { capabilities }, signal);
}

/** Writes the device state of a stopped machine to a file, by way of `socketPath`. */
export async function saveState(
  qmp: Qmp,
  socketPath: string,
  statePath: string,
  signal: AbortSignal,
): Promise<void> {
  const { promise: arrived, resolve, reject } = Promise.withResolvers<Socket>();
  const server: Server = createServer(resolve);
  server.once("error", reject);
  await race(new Promise<void>((listening) => server.listen(socketPath, listening)), signal);
  try {
    await shareMemory(qmp, signal);
    const finished = migrated(qmp, signal);
    await qmp.execute("migrate", { uri: `unix:${socketPath}` }, signal);
    const received = pipeline(
      await race(arrived, signal),
      createWriteStream(statePath, { mode: 0o600 }),
    );
    await Promise.all([finished, race(received, signal)]);
  } finally {
    server.close();
  }
}

/**
 * Gives a machine that was started with `-incoming defer` its template's state, which it holds open as
 * descriptor `state`, and lets it run.
 */
export async function loadState(qmp: Qmp, state: number, signal: AbortSignal): Promise<void> {
  await shareMemory(qmp, signal);
  const finished = migrated(qmp, signal);
  await qmp.execute("migrate-incoming", { uri: `fd:${state}` }, signal);
  await finished;
  /* The template was saved stopped, so its clone is, whatever was said before. */
  await qmp.execute("cont", {}, signal);
}

async function migrated(qmp: Qmp, signal: AbortSignal): Promise<void> {
  const ended = new Set(["completed", "failed"]);
  const event = await qmp.event(
    ({ name, data }) => name === "MIGRATION" && ended.has(String(data["status"])),
    signal,
  );
  if (event.data["status"] === "completed") return;
  throw new DuetError("internal", "TEMPLATE_FAILED", "QEMU could not hand a template's state over");
}
