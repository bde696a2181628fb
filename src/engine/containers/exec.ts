import type { ContainerRecord } from "../../domain/container.ts";
import { newObjectId, type ObjectId } from "../../domain/identity.ts";
import type { AttachedStreams, OutputChunk, ProcessSpec } from "../../domain/process.ts";
import type { WorkloadProcess } from "../../domain/runtime.ts";
import { never } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ExecSpec, ExecState, ExecUseCases } from "../engine.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { processEnvironment } from "./workload-spec.ts";

/** Ended execs that stay inspectable, oldest dropped first. */
const keptExecs = 1_000;

interface Exec {
  state: ExecState;
  process: WorkloadProcess | undefined;
}

/** Execs live in memory, as in Docker: a later daemon does not know them, their processes run on. */
export function execUseCases(context: EngineContext): ExecUseCases {
  const execs = new Map<ObjectId, Exec>();
  const demand = (id: string): Exec => {
    const exec = execs.get(id) ?? byPrefix(execs, id);
    if (exec !== undefined) return exec;
    throw new DuetError("not-found", "EXEC_NOT_FOUND", `No such exec instance: ${id}`);
  };
  return {
    create: async (reference, spec) => {
      const record = findContainer(context, reference);
      refuseUnlessRunning(record);
      if (spec.argv.length === 0) {
        throw new DuetError("invalid", "NO_COMMAND", "No exec command specified");
      }
      const id = newObjectId();
      const state: ExecState = {
        id,
        container: record.id,
        spec,
        running: false,
        started: false,
        exitCode: null,
        pid: 0,
      };
      execs.set(id, { state, process: undefined });
      dropOldest(execs);
      publishContainerEvent(context, record, `exec_create: ${spec.argv.join(" ")}`, { execID: id });
      return id;
    },
    get: (id) => demand(id).state,
    start: async (id, options, signal) => await startExec(context, demand(id), options, signal),
    resize: async (id, rows, columns, signal) => {
      const exec = demand(id);
      if (exec.process === undefined || !exec.state.running) {
        throw new DuetError("conflict", "NOT_RUNNING", `exec ${id} is not running`);
      }
      await exec.process.resize(rows, columns, signal);
    },
  };
}

function byPrefix(execs: ReadonlyMap<ObjectId, Exec>, prefix: string): Exec | undefined {
  if (!/^[0-9a-f]{12,63}$/.test(prefix)) return undefined;
  for (const [id, exec] of execs) if (id.startsWith(prefix)) return exec;
  return undefined;
}

function dropOldest(execs: Map<ObjectId, Exec>): void {
  if (execs.size <= keptExecs) return;
  for (const [id, exec] of execs) {
    if (exec.state.running) continue;
    execs.delete(id);
    if (execs.size <= keptExecs) return;
  }
}

function refuseUnlessRunning(record: ContainerRecord): void {
  if (record.state === "running") return;
  const why =
    record.state === "paused"
      ? `Container ${record.id} is paused, unpause the container before exec`
      : `container ${record.id} is not running`;
  throw new DuetError("conflict", "NOT_RUNNING", why, { subject: `container ${record.name}` });
}

async function startExec(
  context: EngineContext,
  exec: Exec,
  options: Parameters<ExecUseCases["start"]>[1],
  signal: AbortSignal,
): Promise<AttachedStreams | null> {
  const { state } = exec;
  if (state.started) {
    throw new DuetError("conflict", "EXEC_STARTED", `exec ${state.id} has already run`, {
      hint: "create another exec",
    });
  }
  const record = findContainer(context, state.container);
  refuseUnlessRunning(record);
  const workload = context.live.demand(record.id);
  exec.state = { ...state, started: true, running: true };
  try {
    const process = await workload.exec(execProcess(record, state.spec, options), signal);
    exec.process = process;
    exec.state = { ...exec.state, pid: process.pid };
  } catch (error) {
    const code = error instanceof DuetError && error.code === "COMMAND_NOT_EXECUTABLE" ? 126 : 127;
    exec.state = { ...exec.state, running: false, exitCode: code };
    throw error;
  }
  await failpoint("exec.started");
  publishContainerEvent(context, record, `exec_start: ${state.spec.argv.join(" ")}`, {
    execID: state.id,
  });
  watchExec(context, record, exec, exec.process);
  if (!options.detach) return filtered(exec.process.streams, state.spec);
  void drain(exec.process.streams);
  return null;
}

function execProcess(
  record: ContainerRecord,
  spec: ExecSpec,
  options: Parameters<ExecUseCases["start"]>[1],
): ProcessSpec {
  const size = options.terminalSize.rows > 0 ? options.terminalSize : spec.terminalSize;
  return {
    argv: spec.argv,
    env: processEnvironment(record, spec.terminal, spec.env),
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
  process.wait(never).then(
    (exit) => {
      exec.state = { ...exec.state, running: false, exitCode: exit.code };
      publishContainerEvent(context, record, "exec_die", {
        execID: exec.state.id,
        exitCode: String(exit.code),
      });
    },
    (error: unknown) => {
      exec.state = { ...exec.state, running: false, exitCode: 255 };
      context.log.debug("exec-lost", { exec: exec.state.id, error });
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
