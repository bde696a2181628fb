import { digestOf } from "../../../domain/digest.ts";
import { DuetError } from "../../../kit/errors.ts";
import { decode } from "../../../kit/grpc/decode.ts";
import { encode } from "../../../kit/grpc/encode.ts";
import { operation, type Definition } from "../../../spec/buildkit/solver.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";

/*
 * Graphs of BuildKit's own language (LLB), of which Duet has one kind: a single source, and the end. Clients carry them from
 * one build to another: the result of one target as a context of the next, or a repository that a bake file came from.
 */

type Source = NonNullable<ValueOfMessage<typeof operation>["source"]>;

const resultScheme = "duet-result://";

/** A graph that stands for a build's result, for clients to give back. */
export function resultGraph(id: string): Definition {
  const source = encode(operation, { source: { identifier: `${resultScheme}${id}` } });
  const digest = digestOf(source);
  const end = encode(operation, { inputs: [{ digest, index: 0 }] });
  return { operations: [source, end], metadata: new Map([[digest, { description: new Map() }]]) };
}

/** What a graph is of: a result by its name, or a place that files are fetched from. */
export type GraphSource =
  | { readonly kind: "result"; readonly id: string }
  | { readonly kind: "git" | "http"; readonly url: string };

/** Throws `unsupported` BUILD_GRAPH for any other graph. */
export function readGraph({ operations }: Definition): GraphSource {
  const last = operations.at(-1);
  const wanted = last === undefined ? undefined : decode(operation, last).inputs[0]?.digest;
  const found = operations.find((one) => digestOf(one) === wanted);
  const source = found === undefined ? undefined : decode(operation, found).source;
  if (source === undefined) throw unsupportedGraph();
  const { identifier } = source;
  if (identifier.startsWith(resultScheme)) {
    return { kind: "result", id: identifier.slice(resultScheme.length) };
  }
  if (identifier.startsWith("git://")) return { kind: "git", url: gitUrl(source) };
  if (/^https?:\/\//.test(identifier)) return { kind: "http", url: identifier };
  throw unsupportedGraph();
}

/** BuildKit writes every repository as `git://HOST/PATH#REF:FOLDER`, and beside it where it really is. */
function gitUrl({ identifier, attributes }: Source): string {
  const [place = "", fragment] = identifier.split(/#(.*)/s);
  const url = attributes.get("git.fullurl") || place.replace(/^git:/, "https:");
  return fragment === undefined ? url : `${url}#${fragment}`;
}

export function isEmpty(graph: Definition | undefined): boolean {
  return (graph?.operations.length ?? 0) === 0;
}

export function unsupportedGraph(): DuetError {
  return new DuetError(
    "unsupported",
    "BUILD_GRAPH",
    "graphs of BuildKit's own language (LLB) are not supported: this engine builds Dockerfiles",
    { hint: "builds need a Dockerfile in the context, in a folder or from standard input" },
  );
}
