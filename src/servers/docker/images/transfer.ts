import {
  familiarReference,
  isBareName,
  parseReference,
  withTag,
} from "../../../domain/reference.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import type { Platform } from "../../../domain/image.ts";
import { DuetError, isDuetError } from "../../../kit/errors.ts";
import { authConfig } from "../../../spec/docker/bodies.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { isSamePlatform, parsePlatform, parsePlatformJson } from "../platform.ts";
import { credentialsOf, registryAuth } from "../registry-auth.ts";
import { sendBytes } from "../streaming.ts";
import { ProgressStream } from "./progress.ts";
import type { NamedImage } from "./summary.ts";

/** `POST /images/create`: pulls (`fromImage`) or imports (`fromSrc`). */
export async function createImage(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  if (query.text("fromImage") !== "") await pullImage(exchange);
  else await importImage(exchange);
}

async function pullImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  // A colon without a tag is what Docker's first clients sent for all tags.
  const name = query.text("fromImage").replace(/:$/, "");
  const reference = reread(name, query.text("tag"));
  const platform = parsePlatform(query.text("platform"));
  const allTags = query.text("tag") === "" && isBareName(name);
  // Duet's own: Docker's clients have no word for it.
  const allPlatforms = query.flag("allPlatforms");
  const timings = query.flag("timings");
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    await engine.images.pull(
      reference,
      {
        ...{ platform, allTags, allPlatforms, auth },
        progress: (event) => {
          // Not for clients that do not know it.
          if (event.kind !== "timings" || timings) stream.report(event);
        },
      },
      exchange.signal,
    );
  });
}

/** A name with the tag, or digest, of another parameter, which wins. Throws `invalid` REFERENCE_INVALID. */
function reread(name: string, tag: string): string {
  const reference = parseReference(name);
  return tag === "" ? name : familiarReference(withTag(reference, tag));
}

async function importImage(exchange: Exchange): Promise<void> {
  const { query, engine, signal } = exchange;
  const source = query.text("fromSrc");
  if (source === "") throw invalid("the query needs fromImage or fromSrc, where the image is");
  const repository = query.text("repo");
  const options = {
    reference: repository === "" ? "" : reread(repository, query.text("tag")),
    changes: query.all("changes"),
    message: query.text("message"),
    platform: parsePlatform(query.text("platform")),
  };
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    const begun = (url: string): void => stream.send({ status: `Downloading from ${url}` });
    const image =
      source === "-"
        ? await engine.images.import(exchange.body, options, signal)
        : await engine.images.importFrom(source, options, begun, signal);
    stream.send({ status: image.id });
  });
}

/** `POST /images/{name}/push`. */
export async function pushImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const reference = reread(exchange.parameter("name"), query.text("tag"));
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
  const wanted = platformsOf(exchange);
  for (const name of names) {
    const { image } = imageToSave(exchange, name);
    for (const platform of wanted) {
      if (isSamePlatform(image.platform, platform)) continue;
      const shown = formatPlatform(platform);
      throw notFound(`no suitable export target found for platform ${shown}`, `image ${name}`);
    }
  }
  const tar = exchange.engine.images.save(names, exchange.signal);
  await sendBytes(exchange, "application/x-tar", tar);
}

function imageToSave(exchange: Exchange, name: string): NamedImage {
  try {
    return exchange.engine.images.get(name);
  } catch (error) {
    // Elsewhere Docker shows the tag that it looked for.
    if (!isDuetError(error, "not-found")) throw error;
    throw notFound(`No such image: ${name.slice(0, 200)}`, `image ${name}`);
  }
}

function notFound(message: string, subject: string): DuetError {
  return new DuetError("not-found", "IMAGE_NOT_FOUND", message, { subject });
}

function platformsOf(exchange: Exchange): readonly Platform[] {
  return exchange.query.all("platform").flatMap((text) => parsePlatformJson(text) ?? []);
}

/** `POST /images/load`. */
export async function loadImages(exchange: Exchange): Promise<void> {
  const wanted = platformsOf(exchange);
  const stream = new ProgressStream(exchange);
  await stream.run(async () => {
    await exchange.engine.images.load(
      exchange.body,
      (message) => stream.send({ stream: message.endsWith("\n") ? message : `${message}\n` }),
      exchange.signal,
      wanted,
    );
  });
}

/** `POST /images/{name}/tag`. */
export async function tagImage(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const repository = query.text("repo");
  if (repository === "") throw invalid("the query needs repo, the name to give");
  const target = reread(repository, query.text("tag"));
  await exchange.engine.images.tag(exchange.parameter("name"), target);
  exchange.empty(201);
}
