import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ContainerRecord } from "../../domain/container.ts";
import type { ObjectId } from "../../domain/identity.ts";
import { logAttributes, logCommand, logTag } from "../../domain/log-attributes.ts";
import type { LogSink } from "../../domain/log-sink.ts";
import type { Workload } from "../../domain/runtime.ts";
import { canceled, never } from "../../kit/abort.ts";
import { toDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { driverOf, isReadable, isSentElsewhere, logPathOf, unusable } from "./log-settings.ts";
import { LogShipment } from "./log-shipment.ts";
import { stateDirectoryOf } from "./workload-spec.ts";

/** Docker's tag where none is asked for. */
const defaultTag = "{{.ID}}";

/** What sends logs elsewhere: one shipment a container at a time, each run's after that of the run before. */
export class LogShipments {
  private readonly under = new Map<ObjectId, Promise<void>>();
  private readonly stop = new AbortController();

  /** `work` begins when what was begun before for the container is done. It must not fail. */
  add(id: ObjectId, work: (signal: AbortSignal) => Promise<void>): void {
    const before = this.under.get(id) ?? Promise.resolve();
    const done = before
      .then(() => work(this.stop.signal))
      .finally(() => {
        if (this.under.get(id) === done) this.under.delete(id);
      });
    this.under.set(id, done);
  }

  /** When the lines of all runs that have ended are sent, or given up. */
  async settled(id: ObjectId): Promise<void> {
    await this.under.get(id);
  }

  /** What is not sent by then goes on with the next daemon. */
  async close(): Promise<void> {
    this.stop.abort(canceled("the daemon ends"));
    await Promise.all(this.under.values());
  }
}

/** Connects to where a container's log goes. undefined where it stays here. Throws as a start of Docker's that fails. */
export async function openLogSink(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<LogSink | undefined> {
  const { logging } = record.spec;
  try {
    if (logging.options["tag"] !== undefined) logTag(record, logging.options["tag"]);
    logAttributes(record);
    if (!isSentElsewhere(context.logSinks, logging)) return undefined;
    if (context.logSinks.connectsLater(driverOf(logging), logging.options)) return undefined;
    return await openSink(context, record, signal);
  } catch (error) {
    const { message, hint } = toDuetError(error);
    throw unusable(message, hint);
  }
}

async function openSink(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<LogSink> {
  const { driver, options } = record.spec.logging;
  const source = {
    id: record.id,
    name: record.name,
    imageId: record.image,
    imageName: record.spec.image,
    command: logCommand(record),
    createdAt: record.createdAt,
    tag: logTag(record, options["tag"] || defaultTag),
    attributes: logAttributes(record),
  };
  return await context.logSinks.open(driver, options, source, signal);
}

/** Sends on what a run writes, until it has ended and all is sent. */
export function shipLog(
  context: EngineContext,
  workload: Workload,
  sink: LogSink | undefined,
): void {
  const record = context.store.containers.get(workload.id);
  if (record === undefined || !isSentElsewhere(context.logSinks, record.spec.logging)) return;
  const directory = stateDirectoryOf(context, record.id);
  const path = logPathOf(record.spec.logging, directory);
  if (path === null) return;
  const ended = workload.wait(never).then(
    () => undefined,
    () => undefined,
  );
  context.shipments.add(record.id, async (signal) => {
    const shipment = new LogShipment({
      ...{ record, path, directory, ended },
      reader: context.logs,
      log: context.log,
      open: (until) => openSink(context, record, until),
      ...(sink === undefined ? {} : { sink }),
    });
    await shipment.run(signal);
    if (isReadable(record.spec.logging)) return;
    // Not waited for: who removes the container has its lock, and waits for this.
    dropCopy(context, record.id, path).catch((error: unknown) => {
      context.log.warn("log-copy-not-dropped", { container: record.id, error });
    });
  });
}

/** Of a log that is kept elsewhere alone; a run that has begun meanwhile keeps it. */
async function dropCopy(context: EngineContext, id: ObjectId, path: string): Promise<void> {
  await context.containerLocks.run(id, never, async () => {
    const record = context.store.containers.get(id);
    if (record === undefined || record.workload !== null) return;
    const [folder, name] = [dirname(path), basename(path)];
    for (const file of await readdir(folder)) {
      if (file.startsWith(name)) await rm(join(folder, file), { force: true });
    }
  });
}
