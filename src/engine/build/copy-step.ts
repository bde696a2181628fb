import type { CopyTarget, FileSelection } from "../../domain/build/files.ts";
import type { CopyOperation, CopySource } from "../../domain/build/operation.ts";
import { digestOf, type Digest } from "../../domain/digest.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { StepContext } from "./build-step.ts";
import type { RemoteFile } from "./remote-files.ts";
import type { KeyPart } from "./step-key.ts";
import type { SourceTree } from "./step-sources.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** One source of a COPY or ADD, ready to be copied. */
export type ReadySource =
  | { readonly kind: "tree"; readonly selection: FileSelection }
  | { readonly kind: "file"; readonly file: RemoteFile };

export interface ReadySources {
  readonly sources: readonly ReadySource[];
  /** What the sources are, for the step's key. */
  readonly identity: KeyPart;
}

/** Finds, fetches and digests all that a COPY or ADD takes. */
export async function readySources(
  { digests, remote, signal }: Pick<StepContext, "digests" | "remote" | "signal">,
  operation: CopyOperation,
  tree: (from: Extract<CopySource, { readonly kind: "files" }>["from"]) => Promise<SourceTree>,
): Promise<ReadySources> {
  const sources: ReadySource[] = [];
  const identity: KeyPart[] = [];
  const addTree = async (selection: FileSelection, name: string): Promise<void> => {
    const digest: Digest = await digests.of(selection, signal);
    sources.push({ kind: "tree", selection });
    identity.push([name, digest, selection.unpack]);
  };
  const { exclude, parents } = operation;
  for (const source of operation.sources) {
    if (source.kind === "files") {
      const { files } = await tree(source.from);
      const { path, unpack } = source;
      await addTree({ files, path, exclude, parents, unpack }, path);
    } else if (source.kind === "git") {
      const files = await remote.git(source, signal);
      const path = source.subdirectory === "" ? "/" : source.subdirectory;
      await addTree({ files, path, exclude, parents, unpack: false }, "git");
    } else {
      const file =
        source.kind === "url" ? await remote.url(source, signal) : inlineFile(source.file);
      sources.push({ kind: "file", file });
      const time = source.kind === "url" ? file.modifiedAt : null;
      identity.push([file.name, file.digest, file.mode, file.unpack, time]);
    }
  }
  return { sources, identity };
}

function inlineFile(file: { readonly name: string; readonly content: Buffer }): RemoteFile {
  const { name, content } = file;
  return {
    name,
    digest: digestOf(content),
    content: async function* () {
      yield content;
    },
    ...{ size: content.length, mode: 0o644, modifiedAt: Date.now(), unpack: false },
  };
}

/**
 * Whether `COPY --link` becomes a layer that does not look at those below: where it begins a folder of its own.
 * Folders that are there already would get the new layer's owner and mode, as layers are put on one another; they
 * keep theirs where the files are copied into them.
 */
export async function standsAlone(
  context: EngineContext,
  operation: CopyOperation,
  below: CopyTarget["mounts"],
  signal: AbortSignal,
): Promise<boolean> {
  const first = operation.destination.split("/").find((part) => part !== "");
  if (!operation.link || first === undefined) return false;
  if (below.length === 0) return true;
  const target = { kind: "mounts", mounts: below, readonly: true } as const;
  await using session = await context.rootfs.open(target, signal);
  try {
    await session.stat(`/${first}`, false, signal);
    return false;
  } catch (error) {
    if (isDuetError(error, "not-found")) return true;
    throw error;
  }
}

/**
 * `user[:group]` by names or numbers of the root's own; a number alone is the group's, too. As BuildKit has it, a user
 * that the root does not know is root, and such a group the user's own.
 */
export async function lookUpOwner(
  context: EngineContext,
  owner: string | null,
  root: CopyTarget["mounts"],
  signal: AbortSignal,
): Promise<Owner | null> {
  if (owner === null || owner === "") return null;
  const at = owner.indexOf(":");
  const user = at < 0 ? owner : owner.slice(0, at);
  const group = at < 0 ? undefined : owner.slice(at + 1);
  const [uid, gid] = [
    user === "" ? 0 : numberOf(user),
    group === undefined ? undefined : numberOf(group),
  ];
  if (uid !== undefined && (group === undefined || gid !== undefined)) {
    return { uid, gid: gid ?? uid };
  }
  if (root.length === 0) {
    throw new DuetError("invalid", "UNKNOWN_USER", `invalid user: no user ${owner} without a root`);
  }
  const target = { kind: "mounts", mounts: root, readonly: true } as const;
  await using session = await context.rootfs.open(target, signal);
  const find = async (name: string): Promise<Owner | undefined> => {
    try {
      return await session.lookupUser(name, [], signal);
    } catch (error) {
      if (isDuetError(error) && unknownNames.has(error.code)) return undefined;
      throw error;
    }
  };
  const found = uid === undefined ? ((await find(user)) ?? { uid: 0, gid: 0 }) : { uid, gid: uid };
  if (group === undefined) return { uid: found.uid, gid: found.gid };
  if (group === "") return { uid: found.uid, gid: 0 };
  return { uid: found.uid, gid: gid ?? (await find(`0:${group}`))?.gid ?? found.gid };
}

const unknownNames: ReadonlySet<string> = new Set(["USER_NOT_FOUND", "GROUP_NOT_FOUND"]);

/** Go's strconv.ParseInt with 32 bits, and the one name that needs no root; what is below nothing changes nothing. */
function numberOf(text: string): number | undefined {
  if (text === "root") return 0;
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= -(2 ** 31) && number < 2 ** 31 ? Math.max(0, number) : undefined;
}

/** Copies everything into the root, in the order of the sources. */
export async function copySources(
  context: EngineContext,
  operation: CopyOperation,
  ready: ReadySources,
  options: {
    readonly root: RootSource;
    readonly owner: Owner | null;
    readonly epoch: number | null;
  },
  signal: AbortSignal,
): Promise<void> {
  const target: CopyTarget = {
    mounts: options.root.kind === "directory" ? options.root.mounts : [],
    destination: operation.destination,
    owner: options.owner,
    mode: operation.mode,
    latestTime: options.epoch,
  };
  for (const source of ready.sources) {
    if (source.kind === "tree") await context.buildFiles.copy([source.selection], target, signal);
    else await context.buildFiles.write([source.file], target, signal);
  }
}
