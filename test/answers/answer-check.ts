import {
  commonFailures,
  type OperationDescription,
} from "../../src/spec/docker/description/form.ts";
import { modules } from "../../src/spec/docker/description/modules.ts";
import { operations } from "../../src/spec/docker/description/operations/all.ts";
import { bodiesOf, Catalogue } from "../../tools/docker-api/catalogue.ts";
import { ValueCheck } from "./value-check.ts";

const newestVersion = 1051;

/** An answer's head. */
export interface AnswerHead {
  readonly method: string;
  /** As the client wrote it, with version and query. */
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
}

/** Compares answers with the description of the Docker Engine API. */
export class AnswerCheck {
  private readonly values: ValueCheck;
  private readonly patterns = operations.map(
    (operation) => [patternOf(operation.route), operation] as const,
  );

  constructor() {
    const catalogue = new Catalogue(modules);
    this.values = new ValueCheck(catalogue, catalogue.reachable(bodiesOf(operations)));
  }

  /** The operation that a request is for; undefined where the API has none. */
  operationOf(method: string, url: string): OperationDescription | undefined {
    const line = `${method} ${pathOf(url)}`;
    return this.patterns.find(([pattern]) => pattern.test(line))?.[1];
  }

  /** Whether the answer comes as JSON one by one, so that `line` is to be asked for each. */
  isLines(head: AnswerHead): boolean {
    const operation = this.operationOf(head.method, head.url);
    return operation?.answers[head.status]?.startsWith("lines ") ?? false;
  }

  /** What is wrong with one line of such an answer. */
  line(head: AnswerHead, text: string): readonly string[] {
    const form = this.operationOf(head.method, head.url)?.answers[head.status] ?? "";
    return named(head, this.json(head, form.slice("lines ".length), text));
  }

  /** What is wrong with an answer that is complete; `body` is null where nobody kept it. */
  whole(head: AnswerHead, body: string | null): readonly string[] {
    if (head.url.startsWith("/duet/") || head.url === "/metrics") return [];
    if (head.method === "OPTIONS" || head.status === 301) return body ? ["it has a body"] : [];
    const operation = this.operationOf(head.method, head.url);
    if (operation === undefined) {
      if (head.status < 400) return named(head, ["this request is not described"]);
      return named(head, this.failure(head, body));
    }
    const form = operation.answers[head.status];
    if (form === undefined) {
      const known = [...commonFailures, ...(operation.fails ?? [])].includes(head.status);
      const faults = known ? [] : [`the status is not described: ${(body ?? "").slice(0, 160)}`];
      return named(head, [...faults, ...this.failure(head, body)]);
    }
    return named(head, this.success(head, form, body));
  }

  private success(head: AnswerHead, form: string, body: string | null): readonly string[] {
    if (form === "") return body ? ["it has a body"] : [];
    if (form === "text" || form === "bytes" || form === "raw" || form.startsWith("lines "))
      return [];
    if (head.contentType !== "application/json") return [`its type is ${head.contentType}`];
    return this.json(head, form, body ?? "");
  }

  private failure(head: AnswerHead, body: string | null): readonly string[] {
    if (head.method === "HEAD" || head.status === 304) return [];
    if (head.contentType.startsWith("text/plain")) return [];
    if (head.contentType !== "application/json") return [`its type is ${head.contentType}`];
    return this.json(head, "ErrorAnswer", body ?? "");
  }

  private json(head: AnswerHead, form: string, text: string): readonly string[] {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return [`it is not JSON: ${text.slice(0, 80)}`];
    }
    return this.values.check(form, value, versionOf(head.url));
  }
}

function named(head: AnswerHead, faults: readonly string[]): readonly string[] {
  return faults.map((fault) => `${head.method} ${head.url.slice(0, 100)} ${head.status}: ${fault}`);
}

function pathOf(url: string): string {
  return url.split("?", 1)[0]!.replace(/^\/v\d+\.\d+(?=\/)/, "");
}

function versionOf(url: string): number {
  const match = /^\/v(\d+)\.(\d+)\//.exec(url);
  return match === null ? newestVersion : Number(match[1]) * 1000 + Number(match[2]);
}

function patternOf(route: string): RegExp {
  const pattern = route
    .replaceAll(/[.]/g, "\\.")
    .replaceAll(/\{\w+\*\}/g, ".+")
    .replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`);
}
