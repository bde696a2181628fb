import type { Platform } from "../../../domain/image.ts";
import { containerCreateBody } from "../../../spec/docker/bodies.ts";
import type { ContainerCreateAnswer } from "../../../spec/docker/container.ts";
import { isDuetError } from "../../../kit/errors.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { parsePlatform, refuseOtherPlatform } from "../platform.ts";
import { readShape } from "../read-shape.ts";
import { createForVersion, createWarnings } from "./create-versions.ts";
import { containerSpecOf } from "./spec/spec.ts";

/** `POST /containers/create`. */
export async function createContainer(exchange: Exchange): Promise<void> {
  const json = await exchange.json();
  if (json === undefined) throw invalid("invalid JSON: got EOF while reading request body");
  if (json === null) throw invalid("config cannot be empty in order to create a container");
  const { apiVersion } = exchange;
  const body = createForVersion(readShape(containerCreateBody, json, apiVersion), apiVersion);
  const { spec, warnings } = containerSpecOf(body, exchange.defaultIsolation);
  const platform = parsePlatform(exchange.query.text("platform"));
  if (platform !== null) checkPlatform(exchange, spec.image, platform);
  const name = exchange.query.text("name");
  const made = await exchange.engine.containers.create(
    name === "" ? null : name,
    platform === null ? spec : { ...spec, platform },
    body,
    exchange.signal,
  );
  const answer: ContainerCreateAnswer = {
    Id: made.id,
    Warnings: [...createWarnings(body, apiVersion), ...warnings, ...made.warnings],
  };
  exchange.answer(201, answer);
}

/** A wanted platform that the local image has not is "not found", at which clients pull the right one. */
function checkPlatform(exchange: Exchange, reference: string, wanted: Platform): void {
  try {
    const { image } = exchange.engine.images.get(reference, wanted);
    refuseOtherPlatform(reference, image.platform, wanted);
  } catch (error) {
    if (isDuetError(error, "not-found") && error.code === "IMAGE_NOT_FOUND") return;
    throw error;
  }
}
