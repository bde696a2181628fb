import type { ContainerRecord } from "../../domain/container.ts";
import { newObjectId } from "../../domain/identity.ts";
import type { AttachedStreams, OutputChunk, ProcessSpec } from "../../domain/process.ts";
import type { Workload, WorkloadProcess } from "../../domain/runtime.ts";
import { never, race, withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ExecSpec, ExecUseCases } from "../engine.ts";
import type { Exec } from "./exec-table.ts";
import { findContainer, publishContainerEvent, refuseRestarting } from "./find.ts";
import { processEnvironment } from "./workload-spec.ts";

const killedCode = 137;
const notBegunCode = 126;
const lookUpMilliseconds = 30_000;
/** How long a resize waits for its exec to run, as in Docker. */
const beginMilliseconds = 10_000;

/** The exec verbs, bound to one engine. */
export function execUseCases(context: EngineContext): ExecUseCases {
  const demand = (id: string): Exec => {
    const exec = context.execs.demand(id);
    if (context.store.containers.get(exec.state.container) !== undefined) return exec;
    throw new DuetError("not-found", "EXEC_NOT_FOUND", `No such exec instance: ${id}`);
  };
  return {
    create: async (reference, spec) => {
      const record = findContainer(context, reference);
      refuseUnlessRunning(record);
      await checkUser(context, record, spec.user);
      return createExec(context, record, spec).state.id;
    },
    get: (id) => demand(id).state,
    of: (container) => context.execs.of(container),
    start: async (id, options, signal) => {
      const exec = demand(id);
      const process = await runExec(context, exec, options, signal);
      if (!options.detach) return filtered(process.streams, exec.state.spec);
      void drain(process.streams);
      return null;
    },
    noteDetached: (id) => {
      const { state } = demand(id);
      const record = context.store.containers.get(state.container);
      if (record === undefined) return;
      publishContainerEvent(context, record, "exec_detach", { execID: state.id });
    },
    resize: async (id, rows, columns, signal) => {
      const exec = demand(id);
      // A client knows that its exec begins, not that it has begun, and says its size at once.
      await race(exec.begun.promise, withDeadline(signal, beginMilliseconds, `exec ${id}'s begin`));
      if (exec.process === undefined || !exec.state.running) {
        throw new DuetError("conflict", "NOT_RUNNING", `exec ${id} is not running`);
      }
      await exec.process.resize(rows, columns, signal);
    },
  };
}

/** A name that the container does not know is refused when the exec is made, as in Docker. */
async function checkUser(
  context: EngineContext,
  record: ContainerRecord,
  user: string,
): Promise<void> {
  if (user === record.resolved.user || /^(?:\d+(?::\d+)?)?$/.test(user)) return;
  const signal = withDeadline(never, lookUpMilliseconds, `looking up user ${user}`);
  await using session = await context.live.demand(record.id).openRoot(signal);
  await session.lookupUser(user, [], signal);
}

/** Notes a command to run in a container. Throws `invalid` NO_COMMAND. */
export function createExec(context: EngineContext, record: ContainerRecord, spec: ExecSpec): Exec {
  if (spec.argv.length === 0) {
    throw new DuetError("invalid", "NO_COMMAND", "No exec command specified");
  }
  const id = newObjectId();
  const exec = context.execs.add({
    id,
    container: record.id,
    spec,
    running: false,
    started: false,
    exitCode: null,
    pid: 0,
  });
  publishContainerEvent(context, record, `exec_create: ${commandText(spec)}`, { execID: id });
  return exec;
}

/** As Docker joins it, with a space even where no word follows the first. */
function commandText({ argv: [first = "", ...rest] }: ExecSpec): string {
  return `${first} ${rest.join(" ")}`;
}

function refuseUnlessRunning(record: ContainerRecord): void {
  if (record.state === "running") return;
  refuseRestarting(record);
  const why =
    record.state === "paused"
      ? `Container ${record.name} is paused, unpause the container before exec`
      : `container ${record.id} is not running`;
  throw new DuetError("conflict", "NOT_RUNNING", why, { subject: `container ${record.name}` });
}

/** Throws where the container does not run, as where it has just ended. */
function runningWorkload(
  context: EngineContext,
  exec: Exec,
  record: ContainerRecord,
  isDetached: boolean,
): Workload {
  try {
    refuseUnlessRunning(record);
    return context.live.demand(record.id);
  } catch (error) {
    // Who attaches was told that it begins, and asks for its exit code after the stream: that must not be 0.
    if (!isDetached && !exec.state.started) context.execs.ended(exec, notBegunCode);
    throw error;
  }
}

/** Starts a noted command, once; its streams are the caller's. Where it cannot be run its exit code is 126 or 127. */
export async function runExec(
  context: EngineContext,
  exec: Exec,
  options: Parameters<ExecUseCases["start"]>[1],
  signal: AbortSignal,
): Promise<WorkloadProcess> {
  const { state } = exec;
  const record = findContainer(context, state.container);
  const workload = runningWorkload(context, exec, record, options.detach);
  if (state.started) {
    const what = state.running ? "is already running" : "has already run";
    throw new DuetError("conflict", "EXEC_STARTED", `exec command ${state.id} ${what}`);
  }
  exec.state = { ...state, started: true, running: true };
  publishContainerEvent(context, record, `exec_start: ${commandText(state.spec)}`, {
    execID: state.id,
  });
  let process: WorkloadProcess;
  try {
    process = await workload.exec(execProcess(context, record, state.spec, options), signal);
  } catch (error) {
    const code = error instanceof DuetError && error.code === "COMMAND_NOT_EXECUTABLE" ? 126 : 127;
    context.execs.ended(exec, code);
    throw error;
  }
  context.execs.ran(exec, process);
  await failpoint("exec.started");
  watchExec(context, record, exec, process);
  return process;
}

function execProcess(
  context: EngineContext,
  record: ContainerRecord,
  spec: ExecSpec,
  options: Parameters<ExecUseCases["start"]>[1],
): ProcessSpec {
  const size = options.terminalSize.rows > 0 ? options.terminalSize : spec.terminalSize;
  return {
    argv: spec.argv,
    env: processEnvironment(context, record, spec.terminal, spec.env),
    workingDirectory: spec.workingDirectory || record.resolved.workingDirectory,
    user: spec.user || record.resolved.user,
    groups: record.spec.security.groupAdd,
    terminal: spec.terminal ? { rows: size.rows, columns: size.columns } : null,
    stdin: spec.attachStdin && !options.detach,
    privileged: spec.privileged,
  };
}

function filtered(streams: AttachedStreams, spec: ExecSpec): AttachedStreams {
  async function* output(): AsyncGenerator<OutputChunk> {
    for await (const chunk of streams.output) {
      if (chunk.stream === "stdout" ? spec.attachStdout : spec.attachStderr) yield chunk;
    }
  }
  return {
    output: output(),
    write: (data) => streams.write(data),
    closeInput: () => streams.closeInput(),
    detach: () => streams.detach(),
  };
}

function watchExec(
  context: EngineContext,
  record: ContainerRecord,
  exec: Exec,
  process: WorkloadProcess,
): void {
  const settle = (exitCode: number): void => {
    context.execs.ended(exec, exitCode);
    publishContainerEvent(context, record, "exec_die", {
      execID: exec.state.id,
      exitCode: String(exitCode),
    });
  };
  process.wait(never).then(
    (exit) => settle(exit.code),
    (error: unknown) => {
      context.log.debug("exec-lost", { exec: exec.state.id, error });
      // It went with its container, whose end kills all that runs in it.
      settle(killedCode);
    },
  );
}

async function drain(streams: AttachedStreams): Promise<void> {
  try {
    for await (const _chunk of streams.output) continue;
  } catch {
    // The process outlives the connection that was lost.
  }
}
