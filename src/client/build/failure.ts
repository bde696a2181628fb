import { DuetError, toDuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { StatusError, type Any } from "../../kit/grpc/status.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";

/** Lines of the Dockerfile that a failure is about, counted from 1. */
export interface FailedLines {
  readonly file: string;
  readonly lines: readonly string[];
  readonly first: number;
  readonly last: number;
}

/** A build that failed, with where it did. */
export class BuildFailure extends DuetError {
  readonly place: FailedLines | null;
  /** Of the process that failed; null where none ended by itself. */
  readonly exitCode: number | null;

  constructor(cause: StatusError) {
    const [message = "", ...more] = cause.message.split("\n");
    /* The daemon's hint is the line after its message, where Docker's clients show it, too. */
    super(
      cause.class,
      "BUILD_FAILED",
      more.length === 1 ? message : cause.message,
      more.length === 1 ? { cause, hint: more[0]! } : { cause },
    );
    this.place = placeOf(cause.status.details);
    this.exitCode = exitCodeOf(cause.status.details);
  }
}

export function buildFailed(error: unknown): DuetError {
  return error instanceof StatusError ? new BuildFailure(error) : toDuetError(error);
}

function detailOf(details: readonly Any[], type: string): JsonFields | undefined {
  const found = details.find(({ typeUrl }) => typeUrl.endsWith(`/${type}+json`));
  if (found === undefined) return undefined;
  const refuse = (why: string): DuetError => new DuetError("corrupt", "PROTOCOL", why);
  return new JsonFields(
    parseStrictJson(found.value, "a failure's detail", { maximumBytes: 16 << 20 }),
    "a failure's detail",
    refuse,
  );
}

function placeOf(details: readonly Any[]): FailedLines | null {
  try {
    const source = detailOf(details, "errdefs.Source");
    const info = source?.object("info");
    const [range] = source?.objects("ranges") ?? [];
    const first = range?.object("start")?.count("line") ?? 0;
    if (info === undefined || first === 0) return null;
    const content = Buffer.from(info.text("data") ?? "", "base64").toString("utf8");
    const last = range?.object("end")?.count("line") ?? first;
    return {
      file: info.text("filename") ?? "",
      lines: content.replace(/\n$/, "").split("\n"),
      first,
      last,
    };
  } catch (error) {
    if (error instanceof DuetError) return null;
    throw error;
  }
}

function exitCodeOf(details: readonly Any[]): number | null {
  try {
    return detailOf(details, "gatewayapi.ExitMessage")?.count("Code") ?? null;
  } catch (error) {
    if (error instanceof DuetError) return null;
    throw error;
  }
}
