import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { access, chmod, mkdir, readdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShimLauncher, WorkloadLink } from "../../domain/shim.ts";
import { race, withDeadline } from "../../kit/abort.ts";
import { syncFolder } from "../../kit/atomic-file.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { minimalEnvironment } from "../../kit/subprocess.ts";
import { fieldTag, messageType, protocolVersion } from "../../spec/workload.ts";
import { qemuArguments, type Accelerator, type MachineFiles } from "./command-line.ts";
import type { QemuProgram } from "./host.ts";
import type { Initramfs } from "./initramfs.ts";
import type { GuestKernel } from "./kernel.ts";
import { saveState } from "./migration.ts";
import { makePlaceholder } from "./placeholder.ts";
import { Qmp } from "./qmp.ts";
import { rehearse } from "./rehearsal.ts";
import type { Shape } from "./shape.ts";
import { whenSocketIn } from "./socket-watch.ts";

/** A busy host without hardware virtualization boots slowly. */
const buildMilliseconds = 120_000;

/** A booted, paused VM on disk, from which VMs are cloned. */
export interface Template {
  readonly shape: Shape;
  readonly directory: string;
  /** Guest memory; mapped copy-on-write by every clone. */
  readonly memory: string;
  /** Device state as QEMU migrates it. */
  readonly state: string;
  /** Disk that a clone has until it gets its workload's. */
  readonly placeholder: string;
}

export interface TemplateBase {
  readonly qemu: QemuProgram;
  readonly accelerator: Accelerator;
  /** What a guest sees of the host's processor: nothing under emulation. */
  readonly processor: string;
  readonly kernel: GuestKernel;
  readonly initramfs: Initramfs;
}

interface TemplateDependencies {
  readonly base: TemplateBase;
  readonly shims: ShimLauncher;
  readonly agent: string;
  readonly directory: string;
  readonly log: Log;
}

/** Templates by what they are made of; each is built on first use, once. */
export class Templates {
  private readonly dependencies: TemplateDependencies;
  private readonly locks = new KeyedLock();
  private readonly known = new Map<string, Template>();

  constructor(dependencies: TemplateDependencies) {
    this.dependencies = dependencies;
  }

  async get(shape: Shape, signal: AbortSignal): Promise<Template> {
    const key = this.key(shape);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    return await this.locks.run(key, signal, async () => {
      const template = describe(shape, join(this.dependencies.directory, key));
      if (!this.known.has(key) && !(await exists(template.state)))
        await this.build(template, signal);
      this.known.set(key, template);
      return template;
    });
  }

  /** Removes a template that could not be cloned; the next `get` builds it anew. */
  async drop(template: Template, signal: AbortSignal): Promise<void> {
    const key = this.key(template.shape);
    await this.locks.run(key, signal, async () => {
      if (this.known.get(key) !== template) return;
      this.known.delete(key);
      await rm(template.directory, { recursive: true, force: true });
    });
  }

  /** Removes templates made of another kernel, QEMU or agent, and what interrupted builds left. */
  async prune(): Promise<void> {
    const { directory } = this.dependencies;
    const current = this.fingerprint();
    for (const name of await readdir(directory).catch(() => [])) {
      if (!name.startsWith(`${current}-`) || name.includes(".new-")) {
        await rm(join(directory, name), { recursive: true, force: true });
      }
    }
  }

  private fingerprint(): string {
    const { kernel, initramfs, qemu, accelerator, processor } = this.dependencies.base;
    const empty: Shape = { memory: 0, processors: 0 };
    const facts = [
      kernel.release,
      kernel.stamp,
      initramfs.digest,
      qemu.version,
      qemu.stamp,
      accelerator,
      ...(processor === "" ? [] : [processor]),
      qemuArguments(empty, accelerator, filesIn("", { device: "" }), { kernel: "", initramfs: "" }),
    ];
    return createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 24);
  }

  private key(shape: Shape): string {
    return `${this.fingerprint()}-${shape.memory >> 20}m-${shape.processors}`;
  }

  private async build(template: Template, signal: AbortSignal): Promise<void> {
    const started = Date.now();
    const temporary = `${template.directory}.new-${randomBytes(4).toString("hex")}`;
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    try {
      const until = withDeadline(signal, buildMilliseconds, "building a VM template");
      await this.boot(describe(template.shape, temporary), until);
      await syncFolder(temporary);
      await rename(temporary, template.directory);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
    this.dependencies.log.info("template-built", {
      shape: template.shape,
      milliseconds: Date.now() - started,
    });
  }

  private async boot(template: Template, signal: AbortSignal): Promise<void> {
    const { base, shims, agent } = this.dependencies;
    const { directory } = template;
    const initramfs = join(directory, "initramfs");
    await writeFile(initramfs, base.initramfs.content, { mode: 0o600 });
    await makePlaceholder(template.placeholder, agent, signal);
    await mkdir(join(directory, "shares"));
    /* Clones run as users of their own, and read it; the folder keeps everyone else out. */
    await writeFile(template.memory, "");
    await chmod(template.memory, 0o644);
    await truncate(template.memory, template.shape.memory);
    const files = filesIn(directory, { device: `dvt${randomBytes(4).toString("hex")}` });
    const options = qemuArguments(template.shape, base.accelerator, files, {
      kernel: base.kernel.image,
      initramfs,
    });
    const sockets = ["agent.sock", "monitor.sock", "last.sock"].map((name) =>
      join(directory, name),
    );
    const ready = whenSocketIn(directory, sockets, signal);
    // A guest of no shim: the kernel ends it when this daemon is killed (prctl(2), PR_SET_PDEATHSIG).
    const qemu = spawn("setpriv", ["--pdeathsig", "KILL", "--", base.qemu.path, ...options], {
      env: minimalEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const died = deathOf(qemu);
    try {
      await race(Promise.race([ready, died]), signal);
      await failpoint("vm.template");
      await race(Promise.race([this.settle(template, shims, signal), died]), signal);
    } finally {
      qemu.kill("SIGKILL");
      await died.catch(() => undefined);
    }
    await Promise.all([...sockets, initramfs].map((path) => rm(path, { force: true })));
  }

  /** Waits for the agent, rehearses a start so that the guest's caches are filled, and saves. */
  private async settle(
    template: Template,
    shims: ShimLauncher,
    signal: AbortSignal,
  ): Promise<void> {
    const { directory } = template;
    const link: WorkloadLink = await shims.connectSocket(agentSocket(directory), signal);
    const qmp = await Qmp.open(monitorSocket(directory), signal);
    try {
      await link.request(messageType.hello, [[fieldTag.version, protocolVersion]], signal);
      await rehearse(link, signal);
      await qmp.execute("stop", {}, signal);
      await saveState(qmp, join(directory, "migration.sock"), template.state, signal);
    } finally {
      qmp.close();
      link.close();
    }
  }
}

function describe(shape: Shape, directory: string): Template {
  return {
    shape,
    directory,
    memory: join(directory, "memory"),
    state: join(directory, "state"),
    placeholder: join(directory, "placeholder.ext4"),
  };
}

function agentSocket(directory: string): string {
  return join(directory, "agent.sock");
}

function monitorSocket(directory: string): string {
  return join(directory, "monitor.sock");
}

function filesIn(directory: string, tap: MachineFiles["tap"]): MachineFiles {
  return {
    memory: { path: join(directory, "memory"), sharing: "shared" },
    agent: { socket: agentSocket(directory) },
    monitor: { socket: monitorSocket(directory), last: join(directory, "last.sock") },
    disk: { path: join(directory, "placeholder.ext4"), format: "raw" },
    shares: join(directory, "shares"),
    tap,
  };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Rejects when QEMU has ended, with what it said. */
function deathOf(qemu: ChildProcess): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  let words = "";
  qemu.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-2_000);
  });
  const fail = (why: string): void =>
    reject(new DuetError("unavailable", "QEMU_FAILED", `QEMU ended: ${why} · ${words.trim()}`));
  qemu.once("error", (error) => fail(error.message));
  qemu.once("close", (code, name) => fail(name ?? `exit code ${code}`));
  promise.catch(() => undefined);
  return promise;
}
