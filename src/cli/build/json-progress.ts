import type { BuildProgress } from "../../client/build/builds.ts";

type Moment = BuildProgress["logs"][number]["timestamp"];

/** A line of JSON for each message, with the fields of `docker build --progress=rawjson`. */
export class JsonProgress implements Disposable {
  private readonly write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.write = write;
  }

  show({ vertexes, statuses, logs, warnings }: BuildProgress): void {
    const message = {
      vertexes: vertexes.map(({ digest, inputs, name, started, completed, cached, error }) =>
        present({
          ...{ digest, inputs, name, started: timeText(started), completed: timeText(completed) },
          ...{ cached, error },
        }),
      ),
      statuses: statuses.map(({ id, vertex, name, total, current, ...times }) => ({
        ...present({ id, vertex, name: name || id, total }),
        current,
        timestamp: timeText(times.timestamp),
        ...present({ started: timeText(times.started), completed: timeText(times.completed) }),
      })),
      logs: logs.map(({ vertex, stream, message: data, timestamp }) =>
        present({ vertex, stream, data: data.toString("base64"), timestamp: timeText(timestamp) }),
      ),
      warnings: warnings.map(({ vertex, level, short, detail, url, ranges }) =>
        present({
          ...{ vertex, level, short: short.toString("base64") },
          detail: detail.map((line) => line.toString("base64")),
          url,
          range: ranges.map(({ start, end }) => ({
            start: { line: start?.line ?? 0 },
            end: { line: end?.line ?? 0 },
          })),
        }),
      ),
    };
    const filled = Object.entries(message).filter(([, list]) => list.length > 0);
    if (filled.length > 0) this.write(JSON.stringify(Object.fromEntries(filled)));
  }

  [Symbol.dispose](): void {
    /* Every line is out already. */
  }
}

/** Go's `omitempty`. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (value: unknown): boolean =>
    value === undefined ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function timeText(moment: Moment): string | undefined {
  if (moment === undefined) return undefined;
  const { seconds, nanos } = moment;
  const whole = new Date(seconds * 1_000).toISOString().slice(0, 19);
  return `${whole}.${String(nanos).padStart(9, "0")}Z`;
}
