import { constants } from "node:fs";
import type { TarAttribute } from "../tar/entry.ts";
import type { TreeLink } from "./link.ts";
import {
  fileMore,
  metadataPart,
  treeMaximumPayload,
  treeOperation,
  treePolicy,
  type TreePolicy,
} from "./operations.ts";
import type { TreeMetadata } from "./values.ts";

/** Files up to this size travel in one frame with what is said of them. */
export const inlineFileSize: number = 256 << 10;
/** Content up to this size is copied to stand with other small frames. */
const copiedSize = 16 << 10;
const dataStep = treeMaximumPayload - 4096;
const defaultAcl = Buffer.from("system.posix_acl_default");
const none: readonly TarAttribute[] = [];

interface MadeFolder {
  readonly path: Buffer;
  readonly metadata: TreeMetadata;
  /** Not set yet. */
  readonly attributes: readonly TarAttribute[];
}

/**
 * Posts changes over a link; the link's `barrier` tells how they went. Paths are below the root, without a slash at
 * either end. Times of folders are set by `finish`: what is made in a folder changes its time. So are default ACLs,
 * which what is made in a folder would inherit.
 */
export class TreeWriter {
  private readonly link: TreeLink;
  private readonly policy: TreePolicy;
  private readonly folders: MadeFolder[] = [];

  constructor(link: TreeLink, policy: TreePolicy) {
    this.link = link;
    this.policy = policy;
  }

  async folder(
    path: Buffer,
    metadata: TreeMetadata,
    attributes: readonly TarAttribute[],
    policy: TreePolicy = this.policy,
  ): Promise<void> {
    const frame = this.link.operation(treeOperation.directory);
    /* One that may be there already is left as it is, and `finish` would change it. */
    const late = policy === treePolicy.keep ? none : attributes.filter(isInherited);
    const early = late.length === 0 ? attributes : attributes.filter((one) => !isInherited(one));
    frame.u8(policy).metadata(withKind(metadata, 0)).bytes(path).attributes(early);
    this.folders.push({ path, metadata: withKind(metadata, 0), attributes: late });
    await this.link.post();
  }

  /** Gives a folder that is there a time of its own, by `finish`. */
  retime(path: Buffer, metadata: TreeMetadata): void {
    this.folders.push({ path, metadata: withKind(metadata, 0), attributes: [] });
  }

  /** A regular file whose whole content is in `parts`: `size` bytes, at most `inlineFileSize`. */
  async smallFile(
    path: Buffer,
    metadata: TreeMetadata,
    attributes: readonly TarAttribute[],
    size: number,
    parts: readonly Uint8Array[],
  ): Promise<void> {
    const frame = this.link
      .operation(treeOperation.file)
      .u8(this.policy)
      .u8(0)
      .metadata(withKind(metadata, constants.S_IFREG))
      .u64(size)
      .bytes(path)
      .attributes(attributes)
      .u32(size);
    if (size <= copiedSize) for (const part of parts) frame.raw(part);
    const pressure = size <= copiedSize ? this.link.post() : this.link.post(...parts);
    if (pressure !== undefined) await pressure;
  }

  /** Begins a regular file; `data` and `endFile` follow before anything else. */
  async beginFile(path: Buffer, metadata: TreeMetadata, size: number): Promise<void> {
    const frame = this.link.operation(treeOperation.file).u8(this.policy).u8(fileMore);
    frame.metadata(withKind(metadata, constants.S_IFREG)).u64(size).bytes(path);
    frame.attributes([]).bytes(Buffer.alloc(0));
    await this.link.post();
  }

  async data(offset: number, data: Uint8Array): Promise<void> {
    for (let done = 0; done < data.length; done += dataStep) {
      if (this.link.failure !== undefined) return;
      this.link.operation(treeOperation.data).u64(offset + done);
      await this.link.post(data.subarray(done, done + dataStep));
    }
  }

  /** What was not written of the file is a hole. */
  async endFile(metadata: TreeMetadata, attributes: readonly TarAttribute[]): Promise<void> {
    const frame = this.link.operation(treeOperation.end);
    frame.metadata(withKind(metadata, constants.S_IFREG)).attributes(attributes);
    await this.link.post();
  }

  async symlink(
    path: Buffer,
    target: Buffer,
    metadata: TreeMetadata,
    attributes: readonly TarAttribute[],
  ): Promise<void> {
    const frame = this.link.operation(treeOperation.symlink).u8(this.policy);
    frame.metadata(withKind(metadata, 0)).bytes(path).bytes(target).attributes(attributes);
    await this.link.post();
  }

  /** Another name of `target`, a path as `path` is. */
  async hardlink(path: Buffer, target: Buffer): Promise<void> {
    this.link.operation(treeOperation.hardlink).u8(this.policy).bytes(path).bytes(target);
    await this.link.post();
  }

  /** Of a second name, which is the first one's too; what is so already is left alone. */
  async restated(
    path: Buffer,
    metadata: TreeMetadata,
    attributes: readonly TarAttribute[],
  ): Promise<void> {
    const { mode, owner, times, attributes: extended } = metadataPart;
    const frame = this.link.operation(treeOperation.metadata).u8(mode | owner | times | extended);
    frame.metadata(withKind(metadata, 0)).bytes(path).attributes(attributes);
    await this.link.post();
  }

  /** A FIFO or device, as the kind in `metadata.mode` says. */
  async node(
    path: Buffer,
    metadata: TreeMetadata,
    device: { readonly major: number; readonly minor: number },
    attributes: readonly TarAttribute[],
  ): Promise<void> {
    const frame = this.link.operation(treeOperation.node).u8(this.policy).metadata(metadata);
    frame.u32(device.major).u32(device.minor).bytes(path).attributes(attributes);
    await this.link.post();
  }

  /**
   * All that is in the folder `from` of the tree beside, into the folder `to`, which is there. `owner` and times no
   * later than `latestTime` (seconds) for each, where they are not null.
   */
  async copy(
    from: Buffer,
    to: Buffer,
    changes: {
      readonly owner: { readonly uid: number; readonly gid: number } | null;
      readonly latestTime: number | null;
    },
  ): Promise<void> {
    const { owner, latestTime } = changes;
    const parts =
      (owner === null ? 0 : metadataPart.owner) | (latestTime === null ? 0 : metadataPart.times);
    const frame = this.link.operation(treeOperation.copy).u8(this.policy).u8(parts);
    frame.u32(owner?.uid ?? 0).u32(owner?.gid ?? 0);
    frame
      .u64(latestTime ?? 0)
      .bytes(from)
      .bytes(to);
    await this.link.post();
  }

  async remove(path: Buffer): Promise<void> {
    this.link.operation(treeOperation.remove).bytes(path);
    await this.link.post();
  }

  async finish(): Promise<void> {
    for (const { path, metadata, attributes } of this.folders.splice(0)) {
      const also = attributes.length === 0 ? 0 : metadataPart.attributes;
      this.link
        .operation(treeOperation.metadata)
        .u8(metadataPart.times | also)
        .metadata(metadata)
        .bytes(path)
        .attributes(attributes);
      await this.link.post();
    }
  }
}

function isInherited({ name }: TarAttribute): boolean {
  return name.equals(defaultAcl);
}

function withKind(metadata: TreeMetadata, kind: number): TreeMetadata {
  return { ...metadata, mode: (metadata.mode & 0o7777) | kind };
}
