import type { Exchange } from "./exchange.ts";
import { invalid, notFound } from "./failures.ts";

export type Handler = (exchange: Exchange) => Promise<void>;

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Segments; `{name}` takes one, `{name*}` takes one or more (image names hold slashes). */
  readonly path: string;
  readonly handle: Handler;
  /** The connection may turn into a raw stream. */
  readonly hijack?: true;
}

interface CompiledRoute extends Route {
  readonly segments: readonly string[];
  /** Index of the segment that takes many, or -1. */
  readonly many: number;
}

export interface Match {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/** API version of a path as 1000 × major + minor; null for a path without one. */
export interface SplitPath {
  readonly version: string | null;
  /** Still percent-encoded, without the leading slash. */
  readonly segments: readonly string[];
}

export function splitPath(path: string): SplitPath {
  const segments = path.split("/").slice(1);
  const first = segments[0] ?? "";
  const isVersion = /^v\d{1,4}(?:\.\d{1,4}){0,3}$/.test(first);
  return isVersion
    ? { version: first.slice(1), segments: segments.slice(1) }
    : { version: null, segments };
}

/** Finds routes by method and first segment; the few that remain are compared in the table's order. */
export class Router {
  private readonly routes = new Map<string, CompiledRoute[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const segments = route.path.split("/").slice(1);
      const many = segments.findIndex((segment) => segment.endsWith("*}"));
      const key = `${route.method} ${segments[0]}`;
      const others = this.routes.get(key) ?? [];
      others.push({ ...route, segments, many });
      this.routes.set(key, others);
    }
  }

  /** Throws `not-found` "page not found", or `invalid` for a segment that decodes to nonsense. */
  match(method: string, segments: readonly string[]): Match {
    for (const route of this.routes.get(`${method} ${segments[0]}`) ?? []) {
      const raw = matchSegments(route, segments);
      if (raw !== null) return { route, parameters: decodeParameters(raw) };
    }
    throw notFound("PAGE_NOT_FOUND", "page not found");
  }

  /** Whether a request may turn into a raw stream. */
  mayHijack(method: string, segments: readonly string[]): boolean {
    return (this.routes.get(`${method} ${segments[0]}`) ?? []).some(
      (route) => route.hijack === true && matchSegments(route, segments) !== null,
    );
  }
}

type RawParameters = [name: string, value: string, many: boolean][];

function matchSegments(route: CompiledRoute, given: readonly string[]): RawParameters | null {
  const wanted = route.segments;
  const surplus = given.length - wanted.length;
  if (route.many < 0 ? surplus !== 0 : surplus < 0) return null;
  const parameters: RawParameters = [];
  for (const [index, segment] of wanted.entries()) {
    const isMany = index === route.many;
    const from = route.many >= 0 && index > route.many ? index + surplus : index;
    const value = isMany ? given.slice(index, index + surplus + 1).join("/") : given[from]!;
    if (!segment.startsWith("{")) {
      if (segment !== value) return null;
    } else {
      if (value === "") return null;
      parameters.push([segment.slice(1, isMany ? -2 : -1), value, isMany]);
    }
  }
  return parameters;
}

function decodeParameters(raw: RawParameters): Record<string, string> {
  return Object.fromEntries(raw.map(([name, value, many]) => [name, decodeSegment(value, many)]));
}

/**
 * Decodes once. A decoded name must not be a path: a leading slash, which Docker's clients write
 * before container names, is taken off; other slashes only stand in image names.
 */
function decodeSegment(value: string, many: boolean): string {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch {
    throw invalid("the path holds a broken percent escape");
  }
  const name = text.startsWith("/") ? text.slice(1) : text;
  const parts = name.split("/");
  const isPath = parts.length > 1 && !many;
  if (isPath || parts.some((part) => part === "." || part === "..") || /[\0-\x1f\x7f]/.test(name)) {
    throw invalid(`the path holds a name that is none: ${JSON.stringify(name.slice(0, 80))}`);
  }
  return name;
}
