import { DuetError, errorClasses, type ErrorClass } from "../kit/errors.ts";

const classByStatus = new Map<number, ErrorClass>([
  [400, "invalid"],
  [401, "denied"],
  [403, "denied"],
  [404, "not-found"],
  [405, "unsupported"],
  [406, "conflict"],
  [409, "conflict"],
  [413, "too-large"],
  [499, "canceled"],
  [501, "unsupported"],
  [503, "unavailable"],
  [504, "timeout"],
  [507, "exhausted"],
]);

/**
 * The DuetError behind an answer `{"message": …}`; Duet's own daemon adds `code` and `hint`.
 * `http` keeps the status.
 */
export function errorFromAnswer(status: number, body: string): DuetError {
  const fields = readFields(body);
  const errorClass = asErrorClass(fields["class"]) ?? classByStatus.get(status) ?? "internal";
  const hint = fields["hint"];
  const text = fields["message"] ?? body.trim();
  const message = text === "" ? `the daemon answered status ${status}` : text;
  const withoutHint = hint !== undefined && message.endsWith(`\n${hint}`);
  return new DuetError(
    errorClass,
    fields["code"] ?? `HTTP_${status}`,
    withoutHint ? message.slice(0, -hint.length - 1) : message,
    { http: status, ...(hint === undefined ? {} : { hint }) },
  );
}

function asErrorClass(name: string | undefined): ErrorClass | undefined {
  return name !== undefined && Object.hasOwn(errorClasses, name) ? (name as ErrorClass) : undefined;
}

function readFields(body: string): Record<string, string | undefined> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return {};
    const texts = Object.entries(value).filter(
      (entry) => typeof entry[1] === "string" && entry[1] !== "",
    );
    return Object.fromEntries(texts) as Record<string, string>;
  } catch {
    return {};
  }
}
