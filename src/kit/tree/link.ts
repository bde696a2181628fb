import { race } from "../abort.ts";
import { treeError, treeLost } from "./errors.ts";
import { AnswerCutter, type RawAnswer } from "./answer-cutter.ts";
import { treeAnswer, treeHeaderSize, treeOperation } from "./operations.ts";
import { FrameBuilder, ValueReader } from "./values.ts";

/** A two-way byte stream to something that serves tree operations. */
export interface TreeTransport {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  write(data: Uint8Array): Promise<void>;
  closeOutput(): Promise<void>;
  /** Ends it at once, whatever is under way. */
  close(): void;
  /** After the input's end: why, where that is known. */
  ending?(): Promise<string>;
}

/** An answer; of a CONTENT that came in pieces, one of them. */
export interface TreeFrame {
  readonly type: number;
  readonly values: ValueReader;
  /** Where its `rest` belongs in the file; only of CONTENT. */
  readonly offset: number;
}

/** Small operations gather up to this before they are written. */
const batchSize = 256 << 10;
/** Frames of an answer kept for a slow reader before the link stops reading. */
const queueLimit = 16;

/**
 * The asking side of the tree operations. Changes are posted without waiting; the first that fails
 * is thrown by the next `barrier()`, and those between are not done. Questions are asked one at a time.
 */
export class TreeLink {
  /** Told the path of each folder that was made because a member's parent was missing. */
  onMade: ((path: Buffer) => void) | undefined;

  private readonly transport: TreeTransport;
  private readonly builder = new FrameBuilder(batchSize + treeHeaderSize);
  private id = 0;
  private turn: Promise<void> = Promise.resolve();
  private answers: AnswerQueue | undefined;
  private failed: Error | undefined;
  private gone: Error | string | undefined;
  private readonly finished: Promise<void>;

  constructor(transport: TreeTransport) {
    this.transport = transport;
    this.finished = this.pump();
  }

  /** The failure of a posted change, as soon as it is known: no point in posting more. */
  get failure(): Error | undefined {
    return this.failed ?? this.lost;
  }

  /** Why nothing is answered any more. An error is made for who asks: mostly nobody does. */
  private get lost(): Error | undefined {
    if (typeof this.gone === "string") this.gone = treeLost(this.gone);
    return this.gone;
  }

  /** Starts an operation's frame; fill it, then `post`. */
  operation(type: number): FrameBuilder {
    this.id = (this.id + 1) >>> 0 || 1;
    return this.builder.begin(type, this.id);
  }

  /** Ends the frame, whose payload goes on with `following`. The promise, where there is one, is back-pressure. */
  post(...following: readonly Uint8Array[]): Promise<void> | undefined {
    this.builder.end(following.reduce((sum, part) => sum + part.length, 0));
    if (following.length > 0) return this.flush(following);
    return this.builder.size >= batchSize ? this.flush() : undefined;
  }

  /** Waits until everything posted is done; throws the first failure. */
  async barrier(signal: AbortSignal): Promise<void> {
    try {
      await this.answer(treeOperation.barrier, () => undefined, signal);
    } catch (error) {
      const failed = this.failed ?? error;
      this.failed = undefined;
      throw failed;
    }
  }

  /** Asks what is answered with one OK, and gives its values. */
  async answer(
    type: number,
    fill: (frame: FrameBuilder) => void,
    signal: AbortSignal,
    subject = "",
  ): Promise<ValueReader> {
    const answers = this.ask(type, fill, signal, subject);
    for (;;) {
      const next = await answers.next();
      if (next.done === true) return next.value;
    }
  }

  /**
   * Asks, and gives the answers but the last, OK. Throws what ERROR says, about `subject`. An asker
   * that leaves before the last answer ends the link.
   */
  async *ask(
    type: number,
    fill: (frame: FrameBuilder) => void,
    signal: AbortSignal,
    subject = "",
  ): AsyncGenerator<TreeFrame, ValueReader, void> {
    const before = this.turn;
    const { promise: mine, resolve: release } = Promise.withResolvers<void>();
    this.turn = before.then(() => mine);
    let open = false;
    try {
      await race(before, signal);
      fill(this.operation(type));
      this.builder.end();
      const answers = new AnswerQueue(this.id);
      this.answers = answers;
      open = true;
      if (this.lost !== undefined) answers.fail(this.lost);
      else await race(this.flush(), signal);
      for (;;) {
        const frame = await race(answers.next(), signal);
        open = frame.type !== treeAnswer.ok && frame.type !== treeAnswer.error;
        if (frame.type === treeAnswer.ok) return frame.values;
        if (frame.type === treeAnswer.error) throw errorOf(frame.values, subject);
        yield frame;
      }
    } finally {
      if (open) this.close();
      this.answers = undefined;
      release();
    }
  }

  /** Ends the input of the other side and waits until it has ended, too. */
  async end(): Promise<void> {
    await this.transport.closeOutput();
    await this.finished;
  }

  close(): void {
    this.gone ??= "it was closed";
    this.transport.close();
    if (this.answers !== undefined) this.answers.fail(this.lost!);
  }

  private async flush(following: readonly Uint8Array[] = []): Promise<void> {
    if (this.lost !== undefined) throw this.lost;
    await Promise.all(
      [this.builder.take(), ...following].map((part) => this.transport.write(part)),
    );
  }

  private async pump(): Promise<void> {
    let why: string;
    try {
      const cutter = new AnswerCutter();
      for await (const chunk of this.transport.input) {
        for (const frame of cutter.cut(chunk)) {
          const pressure = this.take(frame);
          if (pressure !== undefined) await pressure;
        }
      }
      why = (await this.transport.ending?.()) ?? "the link ended";
    } catch (error) {
      this.transport.close();
      why = error instanceof Error ? error.message : String(error);
    }
    this.gone ??= why;
    if (this.answers !== undefined) this.answers.fail(this.lost!);
  }

  private take({ type, id, offset, payload }: RawAnswer): Promise<void> | undefined {
    const values = new ValueReader(payload);
    const { answers } = this;
    if (type === treeAnswer.note) this.onMade?.(values.bytes());
    else if (answers?.id === id) return answers.put({ type, values, offset });
    else if (type === treeAnswer.error) this.failed ??= errorOf(values, "");
    return undefined;
  }
}

function errorOf(values: ValueReader, subject: string): Error {
  const number = values.u32();
  const what = values.bytes().toString("utf8");
  const path = values.bytes().toString("utf8");
  return treeError(number, what, subject === "" ? path : subject);
}

/** Answers of one question between the link, which fills it, and the asker. */
class AnswerQueue {
  readonly id: number;
  private readonly frames: TreeFrame[] = [];
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  private space: (() => void) | undefined;

  constructor(id: number) {
    this.id = id;
  }

  /** The promise, where there is one, is back-pressure. */
  put(frame: TreeFrame): Promise<void> | undefined {
    this.frames.push(frame);
    this.wake?.();
    if (this.frames.length < queueLimit || this.failure !== undefined) return undefined;
    return new Promise<void>((resolve) => (this.space = resolve));
  }

  fail(error: Error): void {
    this.failure = error;
    this.wake?.();
    this.space?.();
  }

  async next(): Promise<TreeFrame> {
    for (;;) {
      const frame = this.frames.shift();
      this.space?.();
      if (frame !== undefined) return frame;
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
