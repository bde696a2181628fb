import { ServerResponse } from "node:http";
import { AnswerCheck, type AnswerHead } from "./answer-check.ts";

interface Watched {
  /** What has come of the body, or of its current line; null where it is not kept. */
  text: string | null;
  readonly lines: boolean;
}

/**
 * From now on compares everything that HTTP servers of this process answer with the description of
 * the Docker Engine API. `report` hears of each fault at once.
 */
export function watchAnswers(report: (fault: string) => void): void {
  const check = new AnswerCheck();
  const watched = new WeakMap<ServerResponse, Watched>();
  const { write, end } = ServerResponse.prototype;

  const headOf = (response: ServerResponse): AnswerHead => ({
    method: response.req.method ?? "",
    url: response.req.url ?? "",
    status: response.statusCode,
    contentType: String(response.getHeader("content-type") ?? ""),
  });

  const take = (response: ServerResponse, chunk: unknown): Watched => {
    const known = watched.get(response) ?? begin(response);
    watched.set(response, known);
    if (known.text === null || (typeof chunk !== "string" && !(chunk instanceof Uint8Array))) {
      return known;
    }
    known.text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    if (known.lines) takeLines(response, known);
    return known;
  };

  const begin = (response: ServerResponse): Watched => {
    const head = headOf(response);
    const isJson = head.contentType === "application/json" || head.contentType === "";
    return { text: isJson ? "" : null, lines: check.isLines(head) };
  };

  const takeLines = (response: ServerResponse, known: Watched): void => {
    const lines = (known.text ?? "").split("\n");
    known.text = lines.pop() ?? "";
    for (const line of lines) check.line(headOf(response), line).forEach(report);
  };

  ServerResponse.prototype.write = function (this: ServerResponse, ...given: unknown[]) {
    take(this, given[0]);
    return Reflect.apply(write, this, given);
  } as typeof write;

  ServerResponse.prototype.end = function (this: ServerResponse, ...given: unknown[]) {
    const { text, lines } = take(this, given[0]);
    if (lines && text?.trim()) report(`${this.req.url}: its last line is cut off: ${text}`);
    check.whole(headOf(this), text).forEach(report);
    return Reflect.apply(end, this, given);
  } as typeof end;
}
