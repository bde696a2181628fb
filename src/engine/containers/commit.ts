import type { ContainerRecord } from "../../domain/container.ts";
import type { ImageProcess } from "../../domain/image.ts";
import { applyChanges } from "../../domain/image-changes.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  withTag,
} from "../../domain/reference.ts";
import { never } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { CommitRequest } from "../engine.ts";
import { imageOf } from "../images/image-of.ts";
import { publishImage, publishTag } from "../images/publish.ts";
import { storeImage } from "../images/pull.ts";
import { storeLayer } from "../images/store-layer.ts";
import { writeImage } from "../images/write-image.ts";
import { letGo, pauseContainer } from "./change.ts";
import { layerOf } from "./changes.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { mergeEnvironment } from "./resolve-process.ts";

/** Makes an image of what a container's root has become; gives its id. */
export async function commitContainer(
  context: EngineContext,
  reference: string,
  request: CommitRequest,
  signal: AbortSignal,
): Promise<string> {
  const name = request.repository === "" ? null : nameOf(request);
  const record = findContainer(context, reference);
  const parent = imageOf(context, record);
  if (parent === undefined) {
    throw new DuetError("not-found", "IMAGE_NOT_FOUND", `No such image: ${record.image}`, {
      hint: "the container's image was removed by force",
    });
  }
  const effective = withRequested(effectiveProcess(record, parent.process), request.process ?? {});
  const process = applyChanges(effective, request.changes);
  return await context.collection.keep(signal, async () => {
    const layer = await whilePaused(context, record, request.pause, signal, () =>
      storeLayer(context, layerOf(context, record, signal), signal),
    );
    await failpoint("commit.layer");
    const { author, comment } = request;
    const createdBy = [record.resolved.path, ...record.resolved.args].join(" ");
    const created = new Date().toISOString();
    const image = await writeImage(
      context,
      {
        description: { platform: parent.platform, created, author, process },
        step: { createdBy, author, comment },
        below: parent,
        layer,
      },
      signal,
    );
    const target = image.manifest;
    storeImage(
      context,
      { ...image, parent: parent.id },
      name === null ? null : { name, target, image: image.id, taggedAt: Date.now() },
    );
    await failpoint("commit.stored");
    const imageRef = name === null ? "" : familiarReference(parseReference(name));
    publishImage(context, image, "create");
    if (imageRef !== "") publishTag(context, image, imageRef);
    publishContainerEvent(context, record, "commit", {
      comment: request.comment,
      imageID: image.id,
      imageRef,
    });
    return image.id;
  });
}

function nameOf(request: CommitRequest): string {
  const { repository, tag } = request;
  const named = parseReference(repository);
  const reference = tag === "" ? named : withTag(named, tag);
  if (reference.digest === null) return formatReference(reference);
  throw new DuetError("invalid", "REFERENCE_INVALID", "cannot import digest reference");
}

/** So that files do not change while they are read. */
async function whilePaused<T>(
  context: EngineContext,
  record: ContainerRecord,
  wanted: boolean,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  if (!wanted || record.state !== "running") return await work();
  await pauseContainer(context, record.id, signal, true);
  try {
    await failpoint("commit.paused");
    return await work();
  } finally {
    await letGo(context, record.id, never);
  }
}

/** What Docker keeps as a container's config: the request over the image's, before it is split into words. */
function effectiveProcess(record: ContainerRecord, image: ImageProcess): ImageProcess {
  const { process, lifecycle } = record.spec;
  const isReset = process.entrypoint?.length === 1 && process.entrypoint[0] === "";
  const hasEntrypoint = (process.entrypoint?.length ?? 0) > 0;
  const inherited = hasEntrypoint ? null : image.command;
  return {
    ...image,
    user: record.resolved.user,
    env: mergeEnvironment(image.env, process.env),
    entrypoint: isReset ? null : hasEntrypoint ? process.entrypoint : image.entrypoint,
    command: (process.command?.length ?? 0) > 0 ? process.command : inherited,
    workingDirectory: process.workingDirectory || image.workingDirectory,
    labels: { ...image.labels, ...record.spec.labels },
    exposedPorts: [...new Set([...image.exposedPorts, ...record.spec.network.exposedPorts])],
    volumes: [...new Set([...image.volumes, ...anonymousVolumes(record)])],
    stopSignal: lifecycle.stopSignal || image.stopSignal,
    healthcheck: record.resolved.healthcheck,
    shell: process.shell ?? image.shell,
  };
}

/** Docker's merge: lists of names come together, an entrypoint drops the command. */
function withRequested(process: ImageProcess, wanted: Partial<ImageProcess>): ImageProcess {
  const command = wanted.entrypoint ? (wanted.command ?? null) : process.command;
  return {
    ...process,
    ...wanted,
    command: wanted.command ?? command,
    env: mergeEnvironment(process.env, wanted.env ?? []),
    labels: { ...process.labels, ...wanted.labels },
    exposedPorts: [...new Set([...process.exposedPorts, ...(wanted.exposedPorts ?? [])])],
    volumes: [...new Set([...process.volumes, ...(wanted.volumes ?? [])])],
  };
}

function anonymousVolumes(record: ContainerRecord): readonly string[] {
  return record.spec.mounts
    .filter(({ kind, source }) => kind === "volume" && source === "")
    .map(({ target }) => target);
}
