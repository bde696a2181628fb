import type { ContainerSpec, ResolvedProcess } from "../../domain/container.ts";
import type { Healthcheck, ImageProcess } from "../../domain/image.ts";
import { DuetError } from "../../kit/errors.ts";

/**
 * What will run: the request merged over the image, by Docker's rules (an entrypoint of the user's
 * drops the image's command; `[""]` resets the image's entrypoint). Throws `invalid` NO_COMMAND where no
 * words are given.
 */
export function resolveProcess(
  spec: ContainerSpec,
  image: ImageProcess,
  words: readonly string[] = resolveWords(spec.process, image, spec.image),
): ResolvedProcess {
  const { process } = spec;
  for (const word of [...words, ...process.env]) refuseNul(word);
  return {
    path: words[0] ?? "",
    args: words.slice(1),
    env: mergeEnvironment(image.env, process.env),
    user: process.user === "" ? image.user : process.user,
    workingDirectory: resolveDirectory(process.workingDirectory, image.workingDirectory),
    stopSignal: spec.lifecycle.stopSignal || image.stopSignal || "SIGTERM",
    healthcheck: mergeHealthcheck(spec.lifecycle.healthcheck, image.healthcheck),
    shell: spec.process.shell,
    labels: { ...image.labels, ...spec.labels },
    exposedPorts: [...new Set([...image.exposedPorts, ...spec.network.exposedPorts])],
  };
}

/** The command line by the same rules; empty where nobody says one. */
export function commandWords(
  process: Pick<ContainerSpec["process"], "entrypoint" | "command">,
  image: ImageProcess,
): readonly string[] {
  const isReset = process.entrypoint?.length === 1 && process.entrypoint[0] === "";
  const entrypoint = isReset ? [] : process.entrypoint?.length ? process.entrypoint : null;
  const command =
    process.command?.length || entrypoint !== null || isReset
      ? (process.command ?? [])
      : image.command;
  return [...(entrypoint ?? (isReset ? [] : (image.entrypoint ?? []))), ...(command ?? [])];
}

/** The same, of which there has to be one; `reference` is what the image is called in the error. */
export function resolveWords(
  process: Pick<ContainerSpec["process"], "entrypoint" | "command">,
  image: ImageProcess,
  reference: string,
): readonly string[] {
  const words = commandWords(process, image);
  if (words.length > 0) return words;
  throw new DuetError("invalid", "NO_COMMAND", "no command specified", {
    subject: `image ${reference}`,
    hint: "the image names no command: give one after its name",
  });
}

function refuseNul(word: string): void {
  if (!word.includes("\0")) return;
  throw new DuetError(
    "invalid",
    "NUL_BYTE",
    "a command word or environment variable holds a NUL byte",
  );
}

function resolveDirectory(wanted: string, fromImage: string): string {
  const directory = wanted || fromImage || "/";
  if (directory.startsWith("/")) return directory;
  if (wanted === "") return `/${directory}`;
  throw new DuetError(
    "invalid",
    "WORKDIR_INVALID",
    `the working directory '${directory}' is invalid, it needs to be an absolute path`,
  );
}

/**
 * The container's own variables in their order, then those of the image that they do not name, as in
 * Docker. A later one of a name wins; a name without "=" removes the image's variable.
 */
export function mergeEnvironment(
  base: readonly string[],
  own: readonly string[],
): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of own) if (nameOf(entry) !== "") merged.set(nameOf(entry), entry);
  for (const entry of base) if (!merged.has(nameOf(entry))) merged.set(nameOf(entry), entry);
  return [...merged.values()].filter((entry) => entry.indexOf("=") > 0);
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

function mergeHealthcheck(own: Healthcheck | null, image: Healthcheck | null): Healthcheck | null {
  if (own === null || image === null) return own ?? image;
  return {
    test: own.test.length > 0 ? own.test : image.test,
    interval: own.interval || image.interval,
    timeout: own.timeout || image.timeout,
    startPeriod: own.startPeriod || image.startPeriod,
    startInterval: own.startInterval || image.startInterval,
    retries: own.retries || image.retries,
  };
}
