import { chmod, chown, mkdir, open, rm, writeFile } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import type { FileTree } from "../../domain/build/files.ts";
import type { InlineFile, RunMount } from "../../domain/build/operation.ts";
import type { Isolation } from "../../domain/identity.ts";
import type { WorkloadMount } from "../../domain/runtime.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { openCacheMounts } from "./cache-mounts.ts";
import type { ClientGifts } from "./client-gifts.ts";
import type { MountedTree } from "./run-sources.ts";

type Mount<K extends RunMount["kind"]> = Extract<RunMount, { readonly kind: K }>;

/** What a step's mounts come to. */
export interface StepMounts {
  readonly mounts: readonly WorkloadMount[];
  readonly env: readonly string[];
}

export interface MountRequest {
  readonly id: string;
  readonly isolation: Isolation;
  readonly gifts: ClientGifts;
  readonly mounts: readonly RunMount[];
  readonly files: readonly InlineFile[];
  /** The tree of a bind, or of what a new cache begins with. */
  tree(mount: Mount<"bind"> | Mount<"cache">): Promise<MountedTree>;
}

/** Folder of mounts that builds make in the host's tree, and of agents' sockets; `dropBuildMounts` clears it. */
export function buildMountsFolder(context: EngineContext): string {
  return join(context.settings.runDirectory, "b");
}

/** What an earlier daemon's builds have left mounted and listening. */
export async function dropBuildMounts(context: EngineContext): Promise<void> {
  const folder = buildMountsFolder(context);
  await context.mounts.unmount(folder);
  await rm(folder, { recursive: true, force: true });
}

/** Makes all that a step mounts; it goes with the scope. */
export async function makeMounts(
  context: EngineContext,
  scope: Scope,
  request: MountRequest,
  signal: AbortSignal,
): Promise<StepMounts> {
  if (request.mounts.length === 0 && request.files.length === 0) return { mounts: [], env: [] };
  const parent = buildMountsFolder(context);
  const folder = join(parent, request.id.slice(0, 12));
  // Others pass through it to their agents' sockets.
  await mkdir(parent, { recursive: true, mode: 0o711 });
  await mkdir(folder, { mode: 0o700 });
  scope.defer(async () => {
    await context.mounts.unmount(folder);
    await rm(folder, { recursive: true, force: true });
  });
  const making = new Making(context, scope, request, folder, signal);
  if (request.files.length > 0) await making.inlineFiles();
  await making.openCaches();
  for (const [index, mount] of request.mounts.entries()) await making.add(mount, String(index));
  return { mounts: lastOfEach(making.mounts), env: making.env };
}

/** As BuildKit: of several mounts on one place the last is made, in the first's turn. */
function lastOfEach(mounts: readonly WorkloadMount[]): readonly WorkloadMount[] {
  return [...new Map(mounts.map((mount) => [mount.target, mount])).values()];
}

/**
 * Where a step's mounts will lie: links lead there before it begins, whatever it makes of them. `below` is the root that
 * it begins with.
 */
export async function mountPlaces(
  context: EngineContext,
  mounts: readonly RunMount[],
  below: () => Promise<FileTree>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const targets = [...new Set(mounts.flatMap(({ target }) => target ?? []))];
  if (targets.length === 0) return [];
  const target = { kind: "mounts", mounts: (await below()).mounts, readonly: true } as const;
  await using session = await context.rootfs.open(target, signal);
  const places: string[] = [];
  for (const each of targets) {
    try {
      places.push(await session.realPath(each, signal));
    } catch (error) {
      // Nothing can be mounted there.
      if (!isDuetError(error, "denied")) throw error;
    }
  }
  return places;
}

const plainMount = { propagation: "", nonRecursive: false, options: [] } as const;

class Making {
  readonly mounts: WorkloadMount[] = [];
  readonly env: string[] = [];
  private readonly context: EngineContext;
  private readonly scope: Scope;
  private readonly request: MountRequest;
  private readonly folder: string;
  private readonly signal: AbortSignal;
  private caches: ReadonlyMap<Mount<"cache">, string> = new Map();
  private memory: Promise<string> | undefined;

  constructor(
    context: EngineContext,
    scope: Scope,
    request: MountRequest,
    folder: string,
    signal: AbortSignal,
  ) {
    this.context = context;
    this.scope = scope;
    this.request = request;
    this.folder = folder;
    this.signal = signal;
  }

  /** Here-documents that the process reads as files. */
  async inlineFiles(): Promise<void> {
    const place = join(this.folder, "pipes");
    await mkdir(place, { mode: 0o755 });
    for (const { name, content } of this.request.files) {
      await writeFile(join(place, encodeName(name)), content, { mode: 0o755, flag: "wx" });
    }
    this.bind(place, "/dev/pipes", true);
  }

  async openCaches(): Promise<void> {
    const { mounts } = this.request;
    const caches = mounts.filter((mount) => mount.kind === "cache");
    const tree = async (mount: Mount<"cache">): Promise<MountedTree | null> =>
      mount.from === null ? null : await this.request.tree(mount);
    this.caches = await openCacheMounts(this.context, this.scope, caches, tree, this.signal);
  }

  async add(mount: RunMount, name: string): Promise<void> {
    this.signal.throwIfAborted();
    if (mount.kind === "tmpfs") this.memoryMount(mount);
    else if (mount.kind === "bind") await this.tree(mount, name);
    else if (mount.kind === "cache")
      this.bind(this.caches.get(mount)!, mount.target, mount.readonly);
    else if (mount.kind === "secret") await this.secret(mount, name);
    else await this.agent(mount);
  }

  private bind(source: string, target: string, readonly: boolean): void {
    this.mounts.push({ ...plainMount, kind: "bind", source, target, readonly });
  }

  private memoryMount({ target, size }: Mount<"tmpfs">): void {
    const options = ["exec", "dev", ...(size > 0 ? [`size=${size}`] : [])];
    this.mounts.push({
      ...plainMount,
      kind: "tmpfs",
      source: "",
      target,
      readonly: false,
      options,
    });
  }

  private async tree(mount: Mount<"bind">, name: string): Promise<void> {
    const whole = join(this.folder, `${name}-tree`);
    await this.assemble((await this.request.tree(mount)).files, whole);
    const root = mount.writable ? await this.writable(whole, name) : whole;
    const part = join(this.folder, name);
    await this.placeFor(whole, mount.source, part);
    this.context.mounts.bindWithin(root, plainPath(mount.source), part);
    this.bind(part, mount.target, !mount.writable);
  }

  /** Mounts a tree in the host's own, where it can be bound from. */
  private async assemble(tree: FileTree, place: string): Promise<void> {
    await mkdir(place, { mode: 0o755 });
    for (const { type, source, target, options } of tree.mounts) {
      await this.context.mounts.mount(
        { type, source, target: join(place, target), options },
        this.signal,
      );
    }
  }

  /** What is written to it is gone with the step. */
  private async writable(lower: string, name: string): Promise<string> {
    const own = join(this.context.settings.containersDirectory, this.request.id, `mount-${name}`);
    const [upper, work, place] = [join(own, "upper"), join(own, "work"), `${lower}-rw`];
    await mkdir(upper, { recursive: true, mode: 0o755 });
    await mkdir(work, { mode: 0o700 });
    await mkdir(place, { mode: 0o755 });
    const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`];
    await this.context.mounts.mount(
      { type: "overlay", source: "overlay", target: place, options },
      this.signal,
    );
    return place;
  }

  /** A folder or an empty file to bind on, as what is bound is one. */
  private async placeFor(root: string, path: string, place: string): Promise<void> {
    const mounts = [{ type: "bind", source: root, target: "", options: ["bind"] }] as const;
    const target = { kind: "mounts", mounts, readonly: true } as const;
    await using session = await this.context.rootfs.open(target, this.signal);
    const found = await session.stat(path === "" ? "/" : path, true, this.signal);
    if ((found.mode & constants.S_IFMT) === constants.S_IFDIR) await mkdir(place, { mode: 0o755 });
    else await (await open(place, "wx", 0o600)).close();
  }

  private async secret(mount: Mount<"secret">, name: string): Promise<void> {
    const content = this.request.gifts.secrets.get(mount);
    if (content === undefined) return;
    if (mount.variable !== null) this.env.push(`${mount.variable}=${content.toString("utf8")}`);
    if (mount.target === null) return;
    const path = join(await this.secretsFolder(), name);
    await writeFile(path, content, { mode: 0o600, flag: "wx" });
    await chown(path, mount.uid, mount.gid);
    await chmod(path, mount.mode);
    this.bind(path, mount.target, true);
  }

  /** In memory: what a client keeps secret is on no disk of this host. */
  private async secretsFolder(): Promise<string> {
    this.memory ??= this.mountMemory(join(this.folder, "secrets"));
    return await this.memory;
  }

  private async mountMemory(target: string): Promise<string> {
    await mkdir(target, { mode: 0o700 });
    const options = ["nosuid", "nodev", "noexec", "mode=0700"];
    await this.context.mounts.mount(
      { type: "tmpfs", source: "secrets", target, options },
      this.signal,
    );
    return target;
  }

  private async agent(mount: Mount<"ssh">): Promise<void> {
    const socket = this.request.gifts.agents.get(mount);
    if (socket === undefined) return;
    await chown(socket.path, mount.uid, mount.gid);
    await chmod(socket.path, mount.mode);
    this.bind(socket.path, mount.target, false);
    if (!this.env.some((entry) => entry.startsWith("SSH_AUTH_SOCK="))) {
      this.env.push(`SSH_AUTH_SOCK=${mount.target}`);
    }
  }
}

function plainPath(path: string): string {
  const inside = path.split("/").filter((part) => part !== "" && part !== ".");
  return inside.length === 0 ? "." : inside.join("/");
}

/** A here-document's name is a word of the Dockerfile's. */
function encodeName(name: string): string {
  if (name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name)) return name;
  throw new DuetError("invalid", "HEREDOC_NAME", `invalid name of a here-document: ${name}`);
}
