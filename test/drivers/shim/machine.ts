import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { WorkloadHandle } from "../../../src/domain/container.ts";
import type { Field, WorkloadLink } from "../../../src/domain/shim.ts";
import { createShimLauncher } from "../../../src/drivers/shim/launcher.ts";
import { fieldTag, messageType } from "../../../src/spec/workload.ts";
import { FakeAgent } from "./fake-agent.ts";

/** The shim under test. */
export const binary =
  process.env["DUET_TEST_SHIM"] ?? resolve(import.meta.dirname, "../../../build/native/duet-shim");
export const signal = (): AbortSignal => AbortSignal.timeout(120_000);

export interface Machine extends AsyncDisposable {
  readonly folder: string;
  readonly link: WorkloadLink;
  readonly handle: WorkloadHandle;
  readonly agent: FakeAgent;
  readonly qemu: number;
}

/** A shim whose "QEMU" only sleeps, with the test as its agent. */
export async function openMachine(
  extra: readonly Field[] = [],
  program = ["sleep", "1000"],
): Promise<Machine> {
  const folder = await mkdtemp("/tmp/dm-");
  const run = join(folder, "run");
  await mkdir(run);
  const agent = await FakeAgent.listen(join(folder, "agent.sock"));
  const launcher = createShimLauncher({ binary });
  const { link, handle } = await launcher.launch(run, "machine-test", signal());
  const configured = await link.request(
    messageType.configure,
    [
      [fieldTag.isolation, "vm"],
      ...program.map((word): Field => [fieldTag.program, word]),
      [fieldTag.agentSocket, join(folder, "agent.sock")],
      [fieldTag.exitPath, join(folder, "exit.json")],
      [fieldTag.logPath, join(folder, "log.json")],
      [fieldTag.logMaximumFiles, 1],
      ...extra,
    ],
    signal(),
  );
  return {
    folder,
    link,
    handle,
    agent,
    qemu: configured.number(fieldTag.pid),
    [Symbol.asyncDispose]: async () => {
      await link.request(messageType.shutdown, [], signal()).catch(() => undefined);
      await link.closed;
      await agent[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** CREATE and START answered; gives the agent's channel of the main process. */
export async function startMain(machine: Machine, fields: readonly Field[] = []): Promise<number> {
  const created = machine.link.request(messageType.create, fields, signal());
  const main = (await machine.agent.next(messageType.create)).channel;
  machine.agent.send(messageType.ok, main);
  await created;
  const started = machine.link.request(messageType.start, [], signal());
  machine.agent.send(messageType.ok, (await machine.agent.next(messageType.start)).channel);
  await started;
  return main;
}
