import type { Duplex } from "node:stream";
import type { ExitRecord, AttachedStreams } from "../../domain/process.ts";
import type {
  AnswerFields,
  ByteChannel,
  Field,
  LinkedProcess,
  WorkloadLink,
} from "../../domain/shim.ts";
import { race } from "../../kit/abort.ts";
import { DuetError, errorClasses, type ErrorClass } from "../../kit/errors.ts";
import { encodeFields, FieldReader } from "../../kit/frames/fields.ts";
import type { Frame } from "../../kit/frames/frame.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { Connection } from "./connection.ts";
import { attachedStreams, byteChannel, StreamChannel } from "./stream-channel.ts";

const longestMessage = 4_096;

/** Speaks the workload protocol over a connected stream, which the link owns from now on. */
export function createLink(stream: Duplex): WorkloadLink {
  const connection = new Connection(stream);
  const link: WorkloadLink = {
    request: (type, fields, signal) => request(connection, type, fields, signal),
    attach: (stdin, signal) => attach(connection, stdin, signal),
    exec: (fields, signal) => exec(connection, link, fields, signal),
    wait: (signal) => wait(connection, signal),
    channel: (type, fields, signal) => channel(connection, type, fields, signal),
    closed: connection.closed,
    close: () => connection.close(),
  };
  return link;
}

async function request(
  connection: Connection,
  type: number,
  fields: readonly Field[],
  signal: AbortSignal,
): Promise<AnswerFields> {
  signal.throwIfAborted();
  const payload = encodeFields(fields);
  const { promise, resolve, reject } = Promise.withResolvers<AnswerFields>();
  /* The number stays taken until the answer has come, also when nobody waits for it any more. */
  const number = connection.open({
    frame: (frame) => {
      connection.release(number);
      settle(frame, resolve, reject);
    },
    lost: reject,
  });
  connection.send(type, number, payload);
  return await race(quietly(promise), signal);
}

function settle(
  frame: Frame,
  resolve: (fields: AnswerFields) => void,
  reject: (error: unknown) => void,
): void {
  try {
    const fields = new FieldReader(frame.payload);
    if (frame.type === messageType.error) reject(answeredError(fields));
    else resolve(fields);
  } catch (error) {
    reject(error);
  }
}

/** A rejection that comes when nobody listens any more must not end this process. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function answeredError(fields: FieldReader): DuetError {
  const named = fields.text(fieldTag.errorClass, "internal");
  const errorClass: ErrorClass = isErrorClass(named) ? named : "internal";
  const code = fields.text(fieldTag.errorCode, "WORKLOAD_FAILED");
  const message = fields.text(
    fieldTag.errorMessage,
    "the workload's side failed without saying why",
  );
  return new DuetError(
    errorClass,
    /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : "WORKLOAD_FAILED",
    printable(message),
  );
}

/** Words of the workload's side reach people's terminals: no control characters, and not without end. */
function printable(message: string): string {
  return message.slice(0, longestMessage).replaceAll(/[^\P{Cc}\n\t]/gu, "\u{fffd}");
}

function isErrorClass(text: string): text is ErrorClass {
  return Object.hasOwn(errorClasses, text);
}

/** A stream channel and the first control frame it meets, which says whether it came to be. */
async function openStreams(
  connection: Connection,
  type: number,
  fields: readonly Field[],
  signal: AbortSignal,
  later: (frame: Frame) => void,
  lost: (reason: DuetError) => void,
): Promise<{ channel: StreamChannel; answer: AnswerFields }> {
  signal.throwIfAborted();
  const payload = encodeFields(fields);
  const first = Promise.withResolvers<AnswerFields>();
  let answered = false;
  const streams = new StreamChannel(connection, {
    control: (frame) => {
      if (answered) return later(frame);
      answered = true;
      if (frame.type === messageType.error) streams.release();
      settle(frame, first.resolve, first.reject);
    },
    lost: (reason) => {
      first.reject(reason);
      lost(reason);
    },
  });
  connection.send(type, streams.number, payload);
  try {
    return { channel: streams, answer: await race(quietly(first.promise), signal) };
  } catch (error) {
    streams.detach();
    throw error;
  }
}

const ignore = (): void => undefined;

async function attach(
  connection: Connection,
  stdin: boolean,
  signal: AbortSignal,
): Promise<AttachedStreams> {
  const fields: Field[] = [[fieldTag.stdin, stdin ? 1 : 0]];
  const opened = await openStreams(connection, messageType.attach, fields, signal, ignore, ignore);
  return attachedStreams(opened.channel);
}

async function channel(
  connection: Connection,
  type: number,
  fields: readonly Field[],
  signal: AbortSignal,
): Promise<ByteChannel> {
  const opened = await openStreams(connection, type, fields, signal, ignore, ignore);
  return byteChannel(opened.channel);
}

async function exec(
  connection: Connection,
  link: WorkloadLink,
  fields: readonly Field[],
  signal: AbortSignal,
): Promise<LinkedProcess> {
  const exited = Promise.withResolvers<ExitRecord>();
  exited.promise.catch(() => undefined);
  const opened = await openStreams(
    connection,
    messageType.exec,
    fields,
    signal,
    (frame) => settleExit(frame, exited.resolve, exited.reject),
    exited.reject,
  );
  const target: Field = [fieldTag.target, opened.channel.number];
  return {
    pid: opened.answer.number(fieldTag.pid),
    streams: attachedStreams(opened.channel),
    resize: async (rows, columns, signal) => {
      const size: Field[] = [target, [fieldTag.rows, rows], [fieldTag.columns, columns]];
      await link.request(messageType.resize, size, signal);
    },
    signal: async (number, signal) => {
      await link.request(messageType.signal, [target, [fieldTag.signal, number]], signal);
    },
    wait: (signal) => race(exited.promise, signal),
  };
}

async function wait(connection: Connection, signal: AbortSignal): Promise<ExitRecord> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ExitRecord>();
  const number = connection.open({
    frame: (frame) => {
      if (frame.type === messageType.ended || frame.type === messageType.error)
        connection.release(number);
      settleExit(frame, resolve, reject);
    },
    lost: reject,
  });
  connection.send(messageType.wait, number, new Uint8Array());
  try {
    return await race(quietly(promise), signal);
  } catch (error) {
    if (signal.aborted) connection.send(messageType.detach, number, new Uint8Array());
    throw error;
  }
}

function settleExit(
  frame: Frame,
  resolve: (record: ExitRecord) => void,
  reject: (error: unknown) => void,
): void {
  if (frame.type === messageType.ended) {
    reject(new DuetError("unavailable", "LINK_LOST", "the process's end was not reported"));
    return;
  }
  settle(
    frame,
    (fields) => {
      try {
        resolve(readExitRecord(fields));
      } catch (error) {
        reject(error);
      }
    },
    reject,
  );
}

/** The exit record that EXITED or STATUS carries. */
export function readExitRecord(fields: AnswerFields): ExitRecord {
  const error = printable(fields.text(fieldTag.errorMessage, ""));
  return {
    code: fields.number(fieldTag.exitCode) % 256,
    outOfMemory: fields.number(fieldTag.outOfMemory, 0) !== 0,
    exitedAt: fields.number(fieldTag.exitedAt, Date.now()),
    ...(error === "" ? {} : { error }),
  };
}
