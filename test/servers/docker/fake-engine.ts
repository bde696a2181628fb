import type { ContainerRecord, ContainerSpec } from "../../../src/domain/container.ts";
import { PullFigures } from "../../../src/engine/images/pull-tally.ts";
import type { EngineEvent } from "../../../src/domain/event.ts";
import { newObjectId } from "../../../src/domain/identity.ts";
import type { NetworkRecord } from "../../../src/domain/network.ts";
import type {
  ContainerUseCases,
  Engine,
  ExecState,
  ImageUseCases,
  LogLine,
  SystemInfo,
} from "../../../src/engine/engine.ts";
import { race } from "../../../src/kit/abort.ts";
import { DuetError } from "../../../src/kit/errors.ts";
import { image, imageUseCases } from "./fake-images.ts";
import { FakeProcess } from "./fake-process.ts";

export const bridge: NetworkRecord = {
  id: "e".repeat(64),
  spec: {
    name: "bridge",
    driver: "bridge",
    internal: false,
    attachable: false,
    enableIpv4: true,
    enableIpv6: false,
    pools: [],
    options: {},
    labels: {},
  },
  pools: [{ subnet: "172.30.0.0/16", range: "", gateway: "172.30.0.1", auxiliary: {} }],
  bridge: "duet0",
  createdAt: 1_767_000_000_000,
  predefined: true,
};

const info: SystemInfo = {
  id: "host",
  name: "host",
  dataRoot: "/data",
  dataFileSystem: "extfs",
  openFiles: 20,
  kernel: "6.1",
  operatingSystem: "Debian",
  osVersion: "12",
  architecture: "x86_64",
  cpus: 2,
  memory: 4e9,
  cgroupVersion: "2",
  cgroupDriver: "cgroupfs",
  counts: { containers: 0, running: 0, paused: 0, stopped: 0, images: 1 },
  runtimes: [
    { name: "runc", isolation: "container", description: "runc 1.1.5" },
    { name: "vm", isolation: "vm", description: "qemu 7.2 (tcg)", waiting: 2, used: 3 },
  ],
  securityOptions: ["name=seccomp,profile=default"],
  insecureRegistries: ["127.0.0.0/8"],
  mirrors: [],
  proxies: { httpProxy: "", httpsProxy: "", noProxy: "" },
  warnings: [],
  logDriver: "json-file",
  logDrivers: ["json-file"],
  limits: null,
  startedAt: 0,
};

function unexpected(): never {
  throw new DuetError("unsupported", "FAKE", "the fake engine has no such use case");
}

/** An engine without a host under it, for tests of what clients send and read. */
export class FakeEngine implements Engine {
  readonly records = new Map<string, ContainerRecord>();
  readonly processes = new Map<string, FakeProcess>();
  readonly execProcesses = new Map<string, FakeProcess>();
  readonly execStates = new Map<string, ExecState>();
  readonly events: EngineEvent[] = [];
  readonly aborted: string[] = [];
  readonly extracted: Buffer[] = [];
  readonly pullFigures = new PullFigures();
  readonly pulls: { reference: string; auth: unknown }[] = [];
  lastSpec: ContainerSpec | null = null;
  lastRequest: unknown = null;

  find(reference: string): ContainerRecord {
    const found = [...this.records.values()].find(
      (record) => record.name === reference || record.id.startsWith(reference),
    );
    if (found !== undefined) return found;
    throw new DuetError("not-found", "CONTAINER_NOT_FOUND", `No such container: ${reference}`);
  }

  change(id: string, changes: Partial<ContainerRecord>): void {
    this.records.set(id, { ...this.find(id), ...changes });
  }

  add(name: string, spec: ContainerSpec, request: unknown): ContainerRecord {
    const argv = [...(spec.process.entrypoint ?? []), ...(spec.process.command ?? ["sh"])];
    const record: ContainerRecord = {
      id: newObjectId(),
      name,
      createdAt: Date.now(),
      spec,
      request,
      image: image.id,
      resolved: {
        path: argv[0]!,
        args: argv.slice(1),
        env: [...spec.process.env],
        user: "",
        workingDirectory: "/",
        stopSignal: "SIGTERM",
        shell: null,
        healthcheck: null,
        labels: spec.labels,
        exposedPorts: spec.network.exposedPorts,
      },
      state: "created",
      stoppedByUser: false,
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      outOfMemory: false,
      error: "",
      restartCount: 0,
      pid: 0,
      mounts: [],
      endpoints: [],
      workload: null,
    };
    this.records.set(record.id, record);
    this.processes.set(record.id, new FakeProcess(argv));
    return record;
  }

  readonly containers: ContainerUseCases = new Proxy(containerUseCases(this), {
    get: (target, key) => Reflect.get(target, key) ?? unexpected,
  }) as ContainerUseCases;

  readonly execs: Engine["execs"] = {
    create: async (container, spec) => {
      const id = newObjectId();
      this.execStates.set(id, {
        id,
        container: this.find(container).id,
        spec,
        running: false,
        started: false,
        exitCode: null,
        pid: 0,
      });
      this.execProcesses.set(id, new FakeProcess(spec.argv));
      return id;
    },
    of: () => [],
    noteDetached: () => undefined,
    get: (id) => {
      const state = this.execStates.get(id);
      if (state !== undefined) return state;
      throw new DuetError("not-found", "EXEC_NOT_FOUND", `No such exec instance: ${id}`);
    },
    start: async (id) => {
      const state = this.execs.get(id);
      const fail = state.spec.argv[0] === "missing";
      this.execStates.set(id, {
        ...state,
        started: true,
        running: !fail,
        ...(fail ? { exitCode: 127 } : {}),
      });
      if (fail)
        throw new DuetError(
          "invalid",
          "COMMAND_NOT_FOUND",
          'exec: "missing": executable file not found in $PATH',
        );
      const fake = this.execProcesses.get(id)!;
      void fake.exited.then(({ code }) => {
        this.execStates.set(id, { ...this.execs.get(id), running: false, exitCode: code });
      });
      fake.run();
      return fake.streams();
    },
    resize: async () => undefined,
  };

  readonly images: ImageUseCases = new Proxy(imageUseCases(this), {
    get: (target, key) => Reflect.get(target, key) ?? unexpected,
  }) as ImageUseCases;

  readonly disks: Engine["disks"] = { convert: unexpected, import: unexpected };

  readonly build: Engine["build"] = {
    plan: unexpected,
    solve: unexpected,
    store: unexpected,
    archive: unexpected,
    exportCache: unexpected,
    blob: unexpected,
    readFile: unexpected,
    cache: async () => [],
    pruneCache: unexpected,
  };

  readonly contexts: Engine["contexts"] = {
    open: unexpected,
    list: unexpected,
    remove: unexpected,
  };

  readonly buildFiles: Engine["buildFiles"] = { read: unexpected };

  readonly networks: Engine["networks"] = {
    ...({} as Engine["networks"]),
    get: (reference) => {
      if (reference === "bridge" || bridge.id.startsWith(reference)) return bridge;
      throw new DuetError("not-found", "NETWORK_NOT_FOUND", `network ${reference} not found`);
    },
    list: () => [bridge],
    members: () => [...this.records.values()].filter((record) => record.pid > 0),
  };

  readonly volumes: Engine["volumes"] = {
    ...({} as Engine["volumes"]),
    get: (name) => {
      throw new DuetError("not-found", "VOLUME_NOT_FOUND", `get ${name}: no such volume`);
    },
    list: () => [],
    users: () => [],
  };

  readonly system: Engine["system"] = {
    info: async () => info,
    watchers: () => ({ events: 0, dropped: 0 }),
    diskUsage: async () => ({
      storage: { layers: 0, blobs: 0, disks: 0, ingests: 0, reclaimable: 0 },
      images: [],
      containers: [],
      volumes: [],
    }),
    events: (_options, signal) => this.followEvents(signal),
  };

  private async *followEvents(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    yield* this.events;
    await forever(signal).catch(() => this.aborted.push("events"));
  }
}

function forever(signal: AbortSignal): Promise<never> {
  return race(new Promise<never>(() => undefined), signal);
}

function containerUseCases(engine: FakeEngine): Partial<ContainerUseCases> {
  return {
    create: async (name, spec, request) => {
      engine.lastSpec = spec;
      engine.lastRequest = request;
      if (spec.image !== "busybox") {
        throw new DuetError("not-found", "IMAGE_NOT_FOUND", `No such image: ${spec.image}:latest`);
      }
      const taken = [...engine.records.values()].find((record) => record.name === name);
      if (taken !== undefined) {
        throw new DuetError(
          "conflict",
          "NAME_IN_USE",
          `Conflict. The container name "/${name}" is already in use by container "${taken.id}". You have to remove (or rename) that container to be able to reuse that name.`,
        );
      }
      const record = engine.add(name ?? `c${engine.records.size}`, spec, request);
      return { id: record.id, warnings: [] };
    },
    get: (reference) => engine.find(reference),
    list: () => [...engine.records.values()],
    size: async () => ({ writable: 100, root: 2_000 }),
    noteDetached: (id) => {
      engine.aborted.push(`detached ${id}`);
    },
    places: async () => ({
      log: "/log.json",
      hosts: "/hosts",
      hostname: "/hostname",
      resolver: "/resolv.conf",
      networkNamespace: "",
      profile: "",
      links: [],
      root: { driver: "overlay2", data: null },
    }),
    start: async (reference) => {
      const { id, state, spec } = engine.find(reference);
      if (state === "running") throw new DuetError("unchanged", "RUNNING", "it runs already");
      const fake = engine.processes.get(id)!;
      engine.change(id, { state: "running", startedAt: Date.now(), pid: 4242 });
      void fake.exited.then(({ code }) => {
        engine.change(id, { state: "exited", exitCode: code, finishedAt: Date.now(), pid: 0 });
        if (spec.lifecycle.autoRemove) engine.records.delete(id);
      });
      fake.run();
    },
    stop: async (reference) => engine.processes.get(engine.find(reference).id)!.exit(143),
    kill: async (reference) => {
      const record = engine.find(reference);
      if (record.state !== "running") {
        throw new DuetError("conflict", "NOT_RUNNING", `container ${record.id} is not running`);
      }
      engine.processes.get(record.id)!.exit(137);
    },
    resize: async () => undefined,
    remove: async (reference) => {
      engine.records.delete(engine.find(reference).id);
    },
    wait: async (reference, condition, ready, signal) => {
      const record = engine.find(reference);
      const fake = engine.processes.get(record.id)!;
      ready();
      if (condition === "not-running" && record.state !== "running") {
        return { code: record.exitCode, outOfMemory: false, exitedAt: record.finishedAt };
      }
      try {
        return await race(fake.exited, signal);
      } catch (error) {
        engine.aborted.push("wait");
        throw error;
      }
    },
    attach: async (reference) => engine.processes.get(engine.find(reference).id)!.streams(),
    logs: (reference, options, signal) => fakeLogs(engine, reference, options.follow, signal),
    stats: async (reference) => ({
      record: engine.find(reference),
      stats: {
        readAt: Date.now(),
        cpuTotal: Date.now() * 1000,
        cpuUser: 1,
        cpuKernel: 1,
        systemCpu: Date.now() * 1e4,
        onlineCpus: 2,
        memoryUsage: 50 << 20,
        memoryLimit: 100 << 20,
        memoryDetail: { inactive_file: 1 << 20 },
        pids: 3,
        pidsLimit: 0,
        blockRead: 1000,
        blockWritten: 2000,
        throttled: { periods: 0, throttledPeriods: 0, time: 0 },
      },
      networks: {
        eth0: {
          receivedBytes: 10,
          receivedPackets: 1,
          receivedErrors: 0,
          receivedDropped: 0,
          sentBytes: 20,
          sentPackets: 1,
          sentErrors: 0,
          sentDropped: 0,
        },
      },
    }),
    top: async () => ({ titles: ["PID", "CMD"], rows: [["1", "sh"]] }),
    changes: async () => [
      { path: Buffer.from("/etc/new"), kind: "added" },
      { path: Buffer.from("/etc"), kind: "modified" },
    ],
    extract: async (_reference, _path, tar) => {
      for await (const chunk of tar) engine.extracted.push(Buffer.from(chunk));
    },
  };
}

async function* fakeLogs(
  engine: FakeEngine,
  reference: string,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  engine.find(reference);
  const time = "2026-01-02T03:04:05.000000006Z";
  yield [
    { stream: "stdout", data: Buffer.from("one\n"), time },
    { stream: "stderr", data: Buffer.from("two\n"), time },
  ];
  if (follow) await forever(signal).catch(() => engine.aborted.push("logs"));
}
