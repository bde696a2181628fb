import type { AttachedStreams, ExitRecord } from "./process.ts";
import type { WorkloadHandle } from "./container.ts";

/** One field of a message of the workload protocol (docs/internals/protocol.md); a list of fields is a group. */
export type Field = readonly [
  tag: number,
  value: number | bigint | string | Uint8Array | readonly Field[],
];

/** Fields of an answer, read by tag. Numbers over 2⁵³ and missing fields throw `corrupt` PROTOCOL. */
export interface AnswerFields {
  number(tag: number, otherwise?: number): number;
  text(tag: number, otherwise?: string): string;
  bytes(tag: number): Uint8Array | undefined;
  groups(tag: number): readonly AnswerFields[];
  texts(tag: number): readonly string[];
}

/** A raw two-way byte stream with back-pressure in both directions. */
export interface ByteChannel {
  readonly input: AsyncIterable<Uint8Array>;
  write(data: Uint8Array): Promise<void>;
  closeOutput(): Promise<void>;
  close(): void;
}

/** A process that EXEC started. */
export interface LinkedProcess {
  readonly pid: number;
  readonly streams: AttachedStreams;
  resize(rows: number, columns: number, signal: AbortSignal): Promise<void>;
  signal(signalNumber: number, signal: AbortSignal): Promise<void>;
  wait(signal: AbortSignal): Promise<ExitRecord>;
}

/**
 * A connection that speaks the workload protocol: to a shim, or straight to an agent. Errors that
 * the other side answers become DuetErrors with its code; a lost connection is `unavailable`
 * LINK_LOST. Bad frames end the connection and nothing else.
 */
export interface WorkloadLink {
  request(type: number, fields: readonly Field[], signal: AbortSignal): Promise<AnswerFields>;
  attach(stdin: boolean, signal: AbortSignal): Promise<AttachedStreams>;
  exec(fields: readonly Field[], signal: AbortSignal): Promise<LinkedProcess>;
  /** WAIT: the main process's exit. */
  wait(signal: AbortSignal): Promise<ExitRecord>;
  /** ROOTFS and the like: a channel that carries raw bytes. */
  channel(type: number, fields: readonly Field[], signal: AbortSignal): Promise<ByteChannel>;
  /** Settles when the connection has ended, with the reason where there is one. */
  readonly closed: Promise<Error | undefined>;
  close(): void;
}

/** Starts shims and finds them again. */
export interface ShimLauncher {
  /** Starts a shim of its own session whose socket is in `runDirectory`; it survives this process. */
  launch(
    runDirectory: string,
    name: string,
    signal: AbortSignal,
  ): Promise<{ link: WorkloadLink; handle: WorkloadHandle }>;
  /** undefined where nobody listens any more, or another process has the pid. */
  connect(handle: WorkloadHandle, signal: AbortSignal): Promise<WorkloadLink | undefined>;
  /** A link over any unix socket that speaks the protocol, such as a VM's agent port. */
  connectSocket(path: string, signal: AbortSignal): Promise<WorkloadLink>;
}
