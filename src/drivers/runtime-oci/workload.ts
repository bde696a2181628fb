import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { WorkloadHandle } from "../../domain/container.ts";
import { launchFailure } from "../../domain/launch-failure.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import type { InterfaceSetup, LinkTarget } from "../../domain/network.ts";
import type { AttachedStreams, ExitRecord, ProcessSpec } from "../../domain/process.ts";
import type { RootfsSession, UserLookup } from "../../domain/rootfs.ts";
import type {
  LineChange,
  ProcessList,
  Workload,
  WorkloadProcess,
  WorkloadSpec,
  WorkloadStats,
} from "../../domain/runtime.ts";
import type { Field, WorkloadLink } from "../../domain/shim.ts";
import { DuetError } from "../../kit/errors.ts";
import { encodedSize } from "../../kit/frames/fields.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { boundingSet } from "./capabilities.ts";
import { Cgroup } from "./cgroup.ts";
import { ociProcess } from "./config.ts";
import { execFields, type ExecFacts } from "./exec-fields.ts";
import { runtimeFailure } from "./failures.ts";
import { execFilter } from "./filter/exec-filter.ts";
import { filePath, layoutOf, removeRunDirectory } from "./layout.ts";
import { changeLines } from "./lines.ts";
import { updateLimits } from "./limits.ts";
import type { Preparation, WorkloadTools } from "./open.ts";
import { listProcesses } from "./processes.ts";
import { saveWorkload, type SavedWorkload } from "./saved.ts";
import { readStats } from "./stats.ts";

/** Well below what a frame holds; see docs/internals/protocol.md. */
const largestExec = 900_000;

interface ShimConnection {
  readonly link: WorkloadLink;
  readonly handle: WorkloadHandle;
}

/** One container: its shim, its cgroups and what is saved of it. */
export class OciWorkload implements Workload {
  readonly id: string;
  readonly handle: WorkloadHandle;
  readonly link: LinkTarget | null;
  pid = 0;
  private readonly tools: WorkloadTools;
  private readonly spec: SavedWorkload["spec"];
  private readonly shim: WorkloadLink;
  private readonly cgroup: Cgroup;
  private readonly prepared: Promise<Preparation>;
  private saved: SavedWorkload | undefined;
  private deleted: Promise<void> | undefined;
  private filter: Uint8Array | "uncovered" | undefined;

  constructor(
    tools: WorkloadTools,
    spec: SavedWorkload["spec"],
    shim: ShimConnection,
    parts: { readonly cgroupPath: string; readonly prepared: Promise<Preparation> },
  ) {
    this.tools = tools;
    this.spec = spec;
    this.id = spec.id;
    this.handle = shim.handle;
    this.shim = shim.link;
    this.cgroup = new Cgroup(tools.cgroupHost, parts.cgroupPath);
    this.prepared = parts.prepared;
    const own = spec.network.kind === "own" || spec.network.kind === "none";
    this.link = own ? { kind: "netns", pid: shim.handle.shimPid } : null;
  }

  /** The workload of an earlier daemon. */
  static async found(
    tools: WorkloadTools,
    saved: SavedWorkload,
    shim: ShimConnection,
    signal: AbortSignal,
  ): Promise<OciWorkload> {
    const prepared = Promise.reject<Preparation>(
      new DuetError("conflict", "CREATED", "the container was created by an earlier daemon"),
    );
    prepared.catch(() => undefined);
    const workload = new OciWorkload(tools, saved.spec, shim, {
      cgroupPath: saved.cgroupPath,
      prepared,
    });
    workload.saved = saved;
    workload.pid = (await shim.link.request(messageType.status, [], signal)).number(
      fieldTag.pid,
      0,
    );
    return workload;
  }

  async create(signal: AbortSignal): Promise<void> {
    const { config, saved } = await this.prepared;
    const { terminal, stdin, stdinOnce } = this.spec.process;
    const bundle = layoutOf(this.spec).bundle;
    const [answer] = await Promise.all([
      writeFile(join(bundle, "config.json"), JSON.stringify(config), { mode: 0o600 }).then(() =>
        this.request(messageType.create, streamFields(terminal, stdin, stdinOnce ?? true), signal),
      ),
      saveWorkload(saved),
    ]).catch((error: unknown) => {
      throw runtimeFailure(error, "create");
    });
    this.saved = saved;
    this.pid = answer.number(fieldTag.pid);
  }

  async plug(): Promise<LinkTarget> {
    if (this.link !== null) return this.link;
    throw new DuetError(
      "conflict",
      "NO_NETWORK",
      `the container has no network of its own · ${this.id}`,
    );
  }

  /** A device of the namespace goes with its other half, which is the network's. */
  async unplug(): Promise<void> {}

  async changeFile(path: string, change: LineChange): Promise<void> {
    await changeLines(filePath(layoutOf(this.spec).files, path), change);
  }

  async configureNetwork(
    interfaces: readonly InterfaceSetup[],
    signal: AbortSignal,
  ): Promise<void> {
    if (this.link === null || interfaces.length === 0) return;
    await this.request(messageType.network, interfaces.map(interfaceField), signal);
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.request(messageType.start, [], signal);
  }

  async attach(
    options: { readonly stdin: boolean },
    signal: AbortSignal,
  ): Promise<AttachedStreams> {
    return await this.shim.attach(options.stdin, signal);
  }

  async resize(rows: number, columns: number, signal: AbortSignal): Promise<void> {
    const size: Field[] = [
      [fieldTag.rows, rows],
      [fieldTag.columns, columns],
    ];
    await this.request(messageType.resize, size, signal);
  }

  async signal(signalNumber: number, signal: AbortSignal): Promise<void> {
    await this.request(messageType.signal, [[fieldTag.signal, signalNumber]], signal);
  }

  async wait(signal: AbortSignal): Promise<ExitRecord> {
    return await this.shim.wait(signal);
  }

  async exec(process: ProcessSpec, signal: AbortSignal): Promise<WorkloadProcess> {
    const user = await this.execUser(process, signal);
    const bounding = process.privileged ? this.allCapabilities() : this.known().bounding;
    const facts = { user, bounding, host: this.tools.abilities };
    const streams = streamFields(process.terminal, process.stdin, true);
    const own = this.ownExec(process, facts);
    try {
      if (own !== undefined) return await this.shim.exec([...own, ...streams], signal);
    } catch (error) {
      if (!(error instanceof DuetError && error.code === "ENTER_UNSUPPORTED"))
        throw launchFailure(error, "exec");
    }
    return await this.runtimeExec(process, facts, streams, signal);
  }

  /** What lets the shim make the process without the OCI runtime, ten times as fast; undefined where it can't. */
  private ownExec(
    process: ProcessSpec,
    facts: Pick<ExecFacts, "user" | "bounding" | "host">,
  ): readonly Field[] | undefined {
    this.filter ??= execFilter(this.spec.security, this.known().bounding);
    if (this.filter === "uncovered") return undefined;
    const fields = execFields(this.spec, process, {
      ...facts,
      cgroups: this.cgroup.entrances,
      filter: this.filter,
    });
    return fields !== undefined && encodedSize(fields) <= largestExec ? fields : undefined;
  }

  private async runtimeExec(
    process: ProcessSpec,
    facts: Pick<ExecFacts, "user" | "bounding" | "host">,
    streams: readonly Field[],
    signal: AbortSignal,
  ): Promise<WorkloadProcess> {
    const file = join(this.spec.runDirectory, `exec-${randomBytes(6).toString("hex")}.json`);
    const description = ociProcess(this.spec as WorkloadSpec, process, facts);
    await writeFile(file, JSON.stringify(description), { mode: 0o600 });
    try {
      return await this.shim.exec([[fieldTag.processFile, file], ...streams], signal);
    } catch (error) {
      throw runtimeFailure(error, "exec");
    }
  }

  async pause(signal: AbortSignal): Promise<void> {
    await this.cgroup.freeze(signal);
  }

  async resume(signal: AbortSignal): Promise<void> {
    await this.cgroup.thaw(signal);
  }

  async update(resources: ResourceLimits): Promise<void> {
    await updateLimits(this.cgroup, resources);
  }

  async stats(): Promise<WorkloadStats> {
    return await readStats(this.cgroup);
  }

  async processes(psArguments: readonly string[], signal: AbortSignal): Promise<ProcessList> {
    return await listProcesses(await this.cgroup.pids(), psArguments, signal);
  }

  async openRoot(signal: AbortSignal): Promise<RootfsSession> {
    return await this.tools.rootfs.open({ kind: "process", pid: this.pid }, signal);
  }

  async delete(signal: AbortSignal): Promise<void> {
    this.deleted ??= this.remove(signal);
    try {
      await this.deleted;
    } catch (error) {
      this.deleted = undefined;
      throw error;
    }
  }

  private async remove(signal: AbortSignal): Promise<void> {
    if (await this.cgroup.frozen()) await this.cgroup.thaw(signal);
    try {
      await this.shim.request(messageType.shutdown, [], signal);
      await this.shim.closed;
    } catch (error) {
      if (!(error instanceof DuetError && error.code === "LINK_LOST")) throw error;
    }
    this.shim.close();
    await Promise.all([
      this.cgroup.destroy(signal),
      removeRunDirectory(dirname(this.handle.socket), signal),
    ]);
  }

  private async execUser(process: ProcessSpec, signal: AbortSignal): Promise<UserLookup> {
    const { user, groups } = this.spec.process;
    const sameUser = process.user === "" || process.user === user;
    if (sameUser && process.groups.length === 0 && groups.length === 0) return this.known().user;
    await using session = await this.openRoot(signal);
    return await session.lookupUser(
      process.user === "" ? user : process.user,
      process.groups,
      signal,
    );
  }

  private allCapabilities(): readonly string[] {
    return boundingSet({ ...this.spec.security, privileged: true }, this.tools.capabilities);
  }

  private known(): SavedWorkload {
    if (this.saved !== undefined) return this.saved;
    throw new DuetError("conflict", "NOT_RUNNING", "the container is not created yet", {
      subject: `container ${this.id}`,
    });
  }

  private request(type: number, fields: readonly Field[], signal: AbortSignal) {
    return this.shim.request(type, fields, signal);
  }
}

function streamFields(
  terminal: ProcessSpec["terminal"],
  stdin: boolean,
  stdinOnce: boolean,
): readonly Field[] {
  return [
    [fieldTag.stdin, stdin ? 1 : 0],
    [fieldTag.stdinOnce, stdinOnce ? 1 : 0],
    [fieldTag.terminal, terminal === null ? 0 : 1],
    [fieldTag.rows, terminal?.rows ?? 0],
    [fieldTag.columns, terminal?.columns ?? 0],
  ];
}

function interfaceField(setup: InterfaceSetup): Field {
  return [
    fieldTag.interface,
    [
      [fieldTag.device, setup.device],
      [fieldTag.name, setup.name],
      [fieldTag.mac, setup.mac],
      [fieldTag.mtu, setup.mtu],
      ...(setup.ipv6 === undefined ? [] : [[fieldTag.ipv6, Number(setup.ipv6)] as const]),
      ...setup.addresses.map((address): Field => [fieldTag.address, address]),
      ...setup.routes.map((route): Field => [
        fieldTag.route,
        [
          [fieldTag.destination, route.destination],
          [fieldTag.gateway, route.gateway],
        ],
      ]),
    ],
  ];
}
