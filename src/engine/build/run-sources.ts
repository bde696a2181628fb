import { mkdir, readFile, rm } from "node:fs/promises";
import type { ContextTree, FileTree } from "../../domain/build/files.ts";
import type { RunMount, RunOperation } from "../../domain/build/operation.ts";
import { digestOf, type Digest } from "../../domain/digest.ts";
import type { Isolation } from "../../domain/identity.ts";
import type { Platform } from "../../domain/image.ts";
import { formatPlatform } from "../../domain/manifest.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { removeOwnFolder } from "../../kit/remove-folder.ts";
import type { Scope } from "../../kit/scope.ts";
import type { BuildRequest } from "./build.ts";
import type { StepContext } from "./build-step.ts";
import { stepFolders } from "./run-process.ts";
import type { KeyPart } from "./step-key.ts";

type TreeMount = Extract<RunMount, { readonly kind: "bind" | "cache" }>;

/** What a step mounts of a tree, or begins a cache with. */
export interface MountedTree {
  readonly files: FileTree;
  /** Of what is at the mount's source. */
  readonly digest: Digest;
}

/** A RUN of which is known all that it takes. */
export interface ReadyRun {
  readonly isolation: Isolation;
  readonly identity: readonly KeyPart[];
  /** Keys of the stages that it takes files from. */
  readonly parents: readonly Digest[];
  tree(mount: TreeMount): Promise<MountedTree>;
  /** Makes the folder of the workload's state; it goes with the scope. */
  reserveState(scope: Scope, id: string): Promise<void>;
}

/** Throws `denied` ENTITLEMENT where the client has not allowed what the step asks for. */
export async function prepareRun(
  build: StepContext,
  operation: RunOperation,
  platform: Platform,
): Promise<ReadyRun> {
  const { engine, request, sources, signal } = build;
  checkEntitlements(build, operation);
  const isolation = request.isolation ?? engine.settings.defaultIsolation;
  const trees = new Map<RunMount, { files: FileTree | ContextTree; digest: Digest }>();
  const parents: Digest[] = [];
  const mounts: KeyPart[] = [];
  for (const mount of operation.mounts) {
    if ((mount.kind === "bind" || mount.kind === "cache") && mount.from !== null) {
      const { files, stage } = await sources.get(mount.from, platform, signal);
      if (stage !== null && stage.key !== null) parents.push(stage.key);
      const path = mount.source === "" ? "/" : mount.source;
      const selection = { files, path, exclude: [], parents: false, unpack: false };
      const digest = await engine.buildFiles.digest({ ...selection, mounted: true }, signal);
      trees.set(mount, { files, digest });
    }
    mounts.push(mountIdentity(mount, trees.get(mount)?.digest ?? null));
  }
  const uncounted = new Set(operation.uncountedEnv);
  const env = operation.env.filter((entry) => !uncounted.has(entry.split("=", 1)[0] ?? ""));
  const files = operation.files.map(({ name, content }) => [name, digestOf(content)]);
  return {
    isolation,
    parents,
    identity: [
      ...[operation.argv, env, operation.workingDirectory, operation.user, files, mounts],
      ...[operation.network, operation.security, isolation, request.extraHosts],
      `${platform.os}/${platform.architecture}/${platform.variant ?? ""}`,
      ...limitsIdentity(request),
    ],
    tree: async (mount) => {
      const tree = trees.get(mount);
      if (tree !== undefined) {
        const { files, digest } = tree;
        return { files: "files" in files ? await files.files(signal) : files, digest };
      }
      throw new DuetError("internal", "MOUNT_TREE", `no files for the mount at ${mount.target}`);
    },
    reserveState: async (scope, id) => {
      const { state } = stepFolders(engine, id);
      await mkdir(state, { mode: 0o700 });
      // What mounts hold may be large; the rest are a handful of files.
      const isSmall = isolation === "container" && operation.mounts.length === 0;
      scope.defer(() =>
        isSmall ? removeOwnFolder(state) : rm(state, { recursive: true, force: true }),
      );
    },
  };
}

/** The limits that count with BuildKit, as far as any are given. */
function limitsIdentity({
  resources,
  sharedMemorySize,
}: Pick<BuildRequest, "resources" | "sharedMemorySize">): readonly KeyPart[] {
  const ulimits = resources?.ulimits ?? [];
  return [
    ...(ulimits.length === 0
      ? []
      : [["ulimits", ...ulimits.map(({ name, soft, hard }) => [name, soft, hard])]]),
    ...(sharedMemorySize === 0 ? [] : [["shm", sharedMemorySize]]),
  ];
}

/** What counts of a mount; of a cache, as with BuildKit, what it began with, not what it holds. `content` is its tree's. */
function mountIdentity(mount: RunMount, content: Digest | null): KeyPart {
  if (mount.kind === "tmpfs") return ["tmpfs", mount.target, mount.size];
  if (mount.kind === "bind") return ["bind", mount.target, content, mount.writable];
  const { id, target, mode, uid, gid } = mount;
  if (mount.kind === "cache") {
    return ["cache", id, target, mount.readonly, content, mode, uid, gid];
  }
  const { required } = mount;
  const access = [required, mode, uid, gid];
  return mount.kind === "ssh"
    ? ["ssh", id, target, ...access]
    : ["secret", id, target, mount.variable, ...access];
}

/**
 * What can run here by itself, and what the kernel gives to an emulator (package qemu-user-static, or tonistiigi/binfmt).
 * Throws `unsupported` PLATFORM_UNSUPPORTED.
 */
export async function checkPlatform(platform: Platform, isolation: Isolation): Promise<void> {
  const { architecture } = platform;
  const own = hostPlatform.architecture;
  if (architecture === own || (own === "amd64" && architecture === "386")) return;
  const emulator = emulators[architecture] ?? architecture;
  const cross = "run this stage on this host's platform: FROM --platform=$BUILDPLATFORM";
  const refuse = (why: string, hint: string): never => {
    const message = `cannot run programs for ${formatPlatform(platform)}: ${why}`;
    throw new DuetError("unsupported", "PLATFORM_UNSUPPORTED", message, { hint });
  };
  if (isolation === "vm") {
    refuse("a machine's kernel knows of no emulators of the host's", cross);
  }
  const handler = `/proc/sys/fs/binfmt_misc/qemu-${emulator}`;
  const registered = await readFile(handler, "utf8").catch(() => "");
  if (/^enabled$/m.test(registered)) return;
  refuse(
    `this host's processor is ${own}, and no QEMU user emulation for ${architecture} is registered (binfmt_misc)`,
    `install qemu-user-static, which registers qemu-${emulator}; or ${cross}`,
  );
}

/** QEMU's names of architectures that are not Go's. */
const emulators: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  "386": "i386",
  mips64le: "mips64el",
  loong64: "loongarch64",
};

function checkEntitlements(build: StepContext, operation: RunOperation): void {
  const { allowHostNetwork, allowInsecure, isolation } = build.request;
  const refuse = (name: string): never => {
    throw new DuetError("denied", "ENTITLEMENT", `${name} is not allowed`, {
      hint: `allow it with --allow ${name}`,
    });
  };
  if (operation.network === "host" && !allowHostNetwork) refuse("network.host");
  if (operation.security === "insecure" && !allowInsecure) refuse("security.insecure");
  const vm = (isolation ?? build.engine.settings.defaultIsolation) === "vm";
  if (vm && operation.network === "host") {
    throw new DuetError(
      "unsupported",
      "VM_CANNOT",
      "a virtual machine cannot share the host's network: RUN --network=host",
      { hint: "leave out --network=host, or build with --isolation=container", http: 400 },
    );
  }
}
