import { Readable } from "node:stream";
import { readTar } from "../../../src/kit/tar/reader.ts";
import type { Answer } from "./exchange.ts";
import type { Reading, Step } from "./scenario.ts";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

const comparedHeaders = [
  "content-type",
  "api-version",
  "docker-experimental",
  "ostype",
  "builder-version",
  "swarm",
  "server",
  "cache-control",
  "pragma",
  "connection",
  "upgrade",
  "location",
];

/** An answer as a value that can be compared part by part. */
export async function readAnswer(answer: Answer, step: Step): Promise<Json> {
  const headers: Record<string, Json> = {};
  for (const name of comparedHeaders) {
    const value = answer.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  const stat = answer.headers["x-docker-container-path-stat"];
  if (stat !== undefined) headers["path-stat"] = parseOr(Buffer.from(stat, "base64").toString());
  const body = await readBody(answer, step.read ?? readingOf(answer));
  return {
    status: answer.status,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(answer.broken === undefined ? {} : { broken: answer.broken }),
  };
}

function readingOf(answer: Answer): Reading {
  const type = answer.headers["content-type"] ?? "";
  if (type.startsWith("application/json")) return "json";
  if (type.startsWith("application/x-tar")) return "tar";
  if (type.includes("multiplexed-stream")) return "frames";
  return "text";
}

async function readBody(answer: Answer, reading: Reading): Promise<Json | undefined> {
  // A failure is read as what it is, whatever was hoped for.
  const how = answer.status >= 400 && reading !== "nothing" ? readingOf(answer) : reading;
  if (how === "nothing") return undefined;
  if (how === "frames") return readFrames(answer.body);
  if (how === "tar") return await listTar(answer.body);
  const text = answer.body.toString("utf8");
  if (how === "text") return text;
  if (how === "keys") return keysOf(parseOr(text));
  const lines = text.split("\n").filter(Boolean);
  return how === "lines" || lines.length > 1 ? lines.map(parseOr) : parseOr(text);
}

/** The kind of each value instead of the value. */
function keysOf(value: Json): Json {
  if (value === null || typeof value !== "object") return kindOf(value);
  if (Array.isArray(value)) return value.slice(0, 1).map(keysOf);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, keysOf(one)]));
}

export function kindOf(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

function parseOr(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** The text of each stream's run of frames, in order. */
function readFrames(bytes: Buffer): Json {
  const frames: { stream: number; text: string }[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 8 || bytes[at]! > 3) return { unframed: bytes.toString("latin1") };
    const stream = bytes[at]!;
    const length = bytes.readUInt32BE(at + 4);
    const text = bytes.toString("utf8", at + 8, at + 8 + length);
    const last = frames.at(-1);
    if (last?.stream === stream) last.text += text;
    else frames.push({ stream, text });
    at += 8 + length;
  }
  return frames;
}

async function listTar(bytes: Buffer): Promise<Json> {
  const entries: Json[] = [];
  try {
    for await (const entry of readTar(Readable.from([bytes]))) {
      const { kind, mode, uid, gid, size } = entry;
      const name = Buffer.from(entry.name).toString();
      entries.push({ name, kind, mode, uid, gid, size });
    }
  } catch (error) {
    entries.push(String(error));
  }
  return entries;
}
