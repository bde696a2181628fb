import { open, unlink } from "node:fs/promises";
import type { ContainerCreateAnswer, ContainerCreateBody } from "../../client/api-types.ts";
import { reasonOf } from "../../kit/errors.ts";
import { Scope } from "../../kit/scope.ts";
import type { Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { isImageMissing, pullImage, withTag } from "../session/pull-image.ts";

/**
 * Creates the container of a `run` or `create` line: pulls as `--pull` says, writes `--cidfile`,
 * prints the daemon's warnings, and gives the id.
 */
export async function createContainer(
  context: Context,
  body: ContainerCreateBody,
  progress: "output" | "errors",
): Promise<string> {
  const { flags, terminal } = context;
  await using scope = new Scope();
  const cidFile = await reserveCidFile(flags.string("cidfile"), scope);
  const answer = await createOrPull(context, body, progress);
  for (const warning of answer.Warnings ?? []) terminal.warn(`WARNING: ${warning}`);
  await cidFile(answer.Id);
  scope.commit();
  return answer.Id;
}

async function createOrPull(
  context: Context,
  body: ContainerCreateBody,
  to: "output" | "errors",
): Promise<ContainerCreateAnswer> {
  const { flags, signal } = context;
  const policy = flags.string("pull") ?? "missing";
  if (!["always", "missing", "never"].includes(policy)) {
    throw usageError(
      "BAD_PULL_POLICY",
      `invalid pull option: '${policy}'`,
      'use "always", "missing" or "never"',
    );
  }
  const image = body.Image ?? "";
  const platform = flags.string("platform");
  const query = { name: flags.string("name"), platform };
  const options = { platform, quiet: flags.boolean("quiet"), to };
  if (policy === "always") await pullImage(context, image, options);
  try {
    return await context.duet().containers.createFrom(body, query, signal);
  } catch (error) {
    if (policy !== "missing" || !isImageMissing(error)) throw error;
  }
  if (!options.quiet) context.terminal.warn(`Unable to find image '${withTag(image)}' locally`);
  await pullImage(context, image, options);
  return await context.duet().containers.createFrom(body, query, signal);
}

/** Makes the file before the container, so that an existing one is refused in time. */
async function reserveCidFile(
  path: string | undefined,
  scope: Scope,
): Promise<(id: string) => Promise<void>> {
  if (path === undefined) return () => Promise.resolve();
  const file = await open(path, "wx", 0o644).catch((error: unknown) => {
    throw usageError(
      "CIDFILE",
      `cannot write the container ID file · ${reasonOf(error)} · ${path}`,
      "name a file that does not exist",
    );
  });
  scope.defer(() => unlink(path));
  return async (id) => {
    await file.writeFile(id);
    await file.close();
  };
}
