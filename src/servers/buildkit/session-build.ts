import { randomBytes } from "node:crypto";
import { encode } from "../../kit/grpc/encode.ts";
import { toDuetError } from "../../kit/errors.ts";
import { statusResponse, type SolveRequest } from "../../spec/buildkit/control.ts";
import type { Exchange } from "../docker/exchange.ts";
import { invalid, messageOf } from "../docker/failures.ts";
import { parseBoundedJson } from "../docker/strict-json.ts";
import { solve } from "./control/solve.ts";
import { statusMessage } from "./control/status-message.ts";
import type { BuildKit } from "./service.ts";

const uploadPrefix = "upload-request:";

/**
 * `POST /build?version=2`: BuildKit as Docker's clients up to 20.10 use it, with a session of its own connection,
 * and the status stream inside of the answer's JSON lines. A context may also come as the body, or as the body of
 * a second request.
 */
export async function buildOverSession(kit: BuildKit, exchange: Exchange): Promise<void> {
  const buildId = exchange.query.text("buildid");
  if (buildId.startsWith(uploadPrefix)) {
    await giveUpload(kit, buildId.slice(uploadPrefix.length), exchange);
    return;
  }
  const request = await readRequest(kit, exchange, buildId);
  exchange.begin("application/json");
  const done = solve(kit, request.solve, exchange.signal, request.upload);
  done.catch(() => undefined);
  try {
    const begun = kit.jobs.get(request.solve.reference, exchange.signal);
    // One that could not begin is never there.
    const job = await Promise.race([begun, done.then(() => begun)]);
    for await (const events of job.progress.follow(exchange.signal)) {
      const trace = encode(statusResponse, statusMessage(events, job.source));
      await exchange.write(line({ id: "moby.buildkit.trace", aux: trace.toString("base64") }));
    }
    const response = await done;
    const id = response.get("containerimage.config.digest");
    if (id !== undefined) await exchange.write(line({ id: "moby.image.id", aux: { ID: id } }));
  } catch (error) {
    exchange.signal.throwIfAborted();
    const message = messageOf(toDuetError(error));
    await exchange.write(line({ errorDetail: { message }, error: message }));
  }
  exchange.end();
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\r\n`;
}

async function readRequest(
  kit: BuildKit,
  exchange: Exchange,
  buildId: string,
): Promise<{ readonly solve: SolveRequest; readonly upload: AsyncIterable<Uint8Array> | null }> {
  const { query } = exchange;
  const attributes = readAttributes(exchange);
  const remote = query.text("remote");
  let upload: AsyncIterable<Uint8Array> | null = null;
  if (remote === "upload-request") upload = await kit.uploads.take(buildId, exchange.signal);
  else if (remote === "") upload = exchange.body;
  else if (remote !== "client-session") attributes.set("context", remote);
  if (upload !== null) attributes.set("context", "http://buildkit-session/upload");
  const names = query.all("t").filter((name) => name !== "");
  const [output] = readOutputs(query.text("outputs"));
  const image = new Map(names.length === 0 ? [] : [["name", names.join(",")]]);
  const isNothing = output?.type === "cacheonly";
  return {
    upload,
    solve: {
      reference: randomBytes(12).toString("hex"),
      definition: undefined,
      exporter: "",
      exporterAttributes: new Map(),
      session: query.text("session"),
      frontend: "dockerfile.v0",
      frontendAttributes: attributes,
      frontendInputs: new Map(),
      cache: undefined,
      entitlements: query.text("networkmode") === "host" ? ["network.host"] : [],
      internal: false,
      sourcePolicy: undefined,
      exporters: isNothing ? [] : [output ?? { type: "moby", attributes: image }],
    },
  };
}

/** The query's words as options of the front end. */
function readAttributes({ query }: Exchange): Map<string, string> {
  const attributes = new Map<string, string>();
  const set = (name: string, value: string): void => {
    if (value !== "") attributes.set(name, value);
  };
  set("filename", query.text("dockerfile"));
  set("target", query.text("target"));
  set("platform", query.text("platform"));
  set("shm-size", query.text("shmsize"));
  set("cgroup-parent", query.text("cgroupparent"));
  set("add-hosts", query.all("extrahosts").join(","));
  if (query.flag("nocache")) attributes.set("no-cache", "");
  if (query.flag("pull")) attributes.set("image-resolve-mode", "pull");
  const network = query.text("networkmode");
  if (network === "host" || network === "none") attributes.set("force-network-mode", network);
  else if (!["", "default", "bridge"].includes(network)) {
    throw invalid(
      `network mode ${JSON.stringify(network.slice(0, 100))} not supported by buildkit`,
    );
  }
  for (const [name, value] of readMap(query.text("buildargs"))) set(`build-arg:${name}`, value);
  for (const [name, value] of readMap(query.text("labels"))) attributes.set(`label:${name}`, value);
  const images = readList(query.text("cachefrom")).filter((one) => typeof one === "string");
  const imports = images.map((ref) => ({ Type: "registry", Attrs: { ref } }));
  if (imports.length > 0) attributes.set("cache-imports", JSON.stringify(imports));
  const ulimits = readList(query.text("ulimits")).map((one) => {
    const { Name, Soft, Hard } = (one ?? {}) as Record<string, unknown>;
    return `${String(Name)}=${String(Soft)}:${String(Hard)}`;
  });
  set("ulimit", ulimits.join(","));
  return attributes;
}

function readMap(text: string): readonly (readonly [string, string])[] {
  if (text === "") return [];
  const value = parseBoundedJson(text);
  if (value === null) return [];
  if (typeof value !== "object" || Array.isArray(value)) throw invalid("a map of words is none");
  return Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
}

function readList(text: string): readonly unknown[] {
  if (text === "") return [];
  const value = parseBoundedJson(text);
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid("a list is none");
  return value;
}

function readOutputs(text: string): SolveRequest["exporters"] {
  return readList(text).map((one) => {
    const { Type, Attrs } = (one ?? {}) as { Type?: unknown; Attrs?: unknown };
    const attributes = readMap(JSON.stringify(Attrs ?? {}));
    return { type: typeof Type === "string" ? Type : "", attributes: new Map(attributes) };
  });
}

async function giveUpload(kit: BuildKit, buildId: string, exchange: Exchange): Promise<void> {
  await kit.uploads.give(buildId, exchange.body, exchange.signal);
  exchange.empty(200);
}
