import { constants } from "node:fs";
import type { TarAttribute } from "../tar/entry.ts";
import type { TreeLink } from "./link.ts";
import {
  fileMore,
  metadataPart,
  treeMaximumPayload,
  treeOperation,
  type TreePolicy,
} from "./operations.ts";
import type { TreeMetadata } from "./values.ts";

/** Files up to this size travel in one frame with what is said of them. */
export const inlineFileSize: number = 256 << 10;
/** Content up to this size is copied to stand with other small frames. */
const copiedSize = 16 << 10;
const dataStep = treeMaximumPayload - 4096;

/**
 * Posts changes over a link; the link's `barrier` tells how they went. Paths are below the root, without a slash at
 * either end. Times of folders are set by `finish`: what is made in a folder changes its time.
 */
export class TreeWriter {
  private readonly link: TreeLink;
  private readonly policy: TreePolicy;
  private readonly folders: { readonly path: Buffer; readonly metadata: TreeMetadata }[] = [];

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
    frame.u8(policy).metadata(withKind(metadata, 0)).bytes(path).attributes(attributes);
    this.folders.push({ path, metadata: withKind(metadata, 0) });
    await this.link.post();
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

  async remove(path: Buffer): Promise<void> {
    this.link.operation(treeOperation.remove).bytes(path);
    await this.link.post();
  }

  async finish(): Promise<void> {
    for (const { path, metadata } of this.folders.splice(0)) {
      this.link
        .operation(treeOperation.metadata)
        .u8(metadataPart.times)
        .metadata(metadata)
        .bytes(path)
        .attributes([]);
      await this.link.post();
    }
  }
}

function withKind(metadata: TreeMetadata, kind: number): TreeMetadata {
  return { ...metadata, mode: (metadata.mode & 0o7777) | kind };
}
