import { parseReference } from "../../../domain/reference.ts";
import { authConfig } from "../../../spec/docker/bodies.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, unsupported } from "../failures.ts";
import { parsePlatform, parsePlatformJson } from "../platform.ts";
import { credentialsOf, registryAuth } from "../registry-auth.ts";
import { sendBytes } from "../streaming.ts";
import { ProgressStream } from "./progress.ts";

/** `POST /images/create`: pulls (`fromImage`) or imports (`fromSrc`). */
export async function createImage(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  if (query.text("fromImage") !== "") await pullImage(exchange);
  else await importImage(exchange);
}

async function pullImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const reference = withTag(query.text("fromImage"), query.text("tag"));
  parseReference(reference);
  const platform = parsePlatform(query.text("platform"));
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    await engine.images.pull(
      reference,
      { platform, auth, progress: stream.report },
      exchange.signal,
    );
  });
}

/** The tag of a query may be a digest, too. */
export function withTag(name: string, tag: string): string {
  if (tag === "") return name;
  return tag.startsWith("sha256:") ? `${name}@${tag}` : `${name}:${tag}`;
}

async function importImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const source = query.text("fromSrc");
  if (source !== "-") {
    throw unsupported("importing from a URL is not supported", "download it and import the file");
  }
  const repository = query.text("repo");
  const reference = repository === "" ? "" : withTag(repository, query.text("tag"));
  if (reference !== "") parseReference(reference);
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    const image = await engine.images.import(
      exchange.body,
      {
        reference,
        changes: query.all("changes"),
        message: query.text("message"),
        platform: parsePlatform(query.text("platform")),
      },
      exchange.signal,
    );
    stream.send({ status: image.id });
  });
}

/** `POST /images/{name}/push`. */
export async function pushImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const reference = withTag(exchange.parameter("name"), query.text("tag"));
  const header = exchange.headers["x-registry-auth"];
  const auth =
    header === undefined ? credentialsOf(await exchange.read(authConfig)) : registryAuth(header);
  const platform = parsePlatformJson(query.text("platform"));
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    await engine.images.push(
      reference,
      { auth, platform, progress: stream.report },
      exchange.signal,
    );
  });
}

/** `GET /images/{name}/get` and `GET /images/get?names=…`. */
export async function saveImages(exchange: Exchange): Promise<void> {
  const named = exchange.parameter("name");
  const names = named === "" ? exchange.query.all("names") : [named];
  if (names.length === 0) throw invalid("name at least one image to save");
  for (const name of names) exchange.engine.images.get(name);
  const tar = exchange.engine.images.save(names, exchange.signal);
  await sendBytes(exchange, "application/x-tar", tar);
}

/** `POST /images/load`. */
export async function loadImages(exchange: Exchange): Promise<void> {
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    await exchange.engine.images.load(
      exchange.body,
      (message) => stream.send({ stream: message.endsWith("\n") ? message : `${message}\n` }),
      exchange.signal,
    );
  });
}

/** `POST /images/{name}/tag`. */
export async function tagImage(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const repository = query.text("repo");
  if (repository === "") throw invalid("the query needs repo, the name to give");
  const target = withTag(repository, query.text("tag"));
  parseReference(target);
  await exchange.engine.images.tag(exchange.parameter("name"), target);
  exchange.empty(201);
}
