import type { BootDisk, BootDiskRequest } from "../../domain/boot-disk.ts";
import type { ChainId } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { mergeEnvironment, resolveWords } from "../containers/resolve-process.ts";
import { parseSignal } from "../../kit/signal-number.ts";
import type { EngineContext } from "../context.ts";
import type { ConvertOptions } from "../disk-use-cases.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { findImage } from "../images/find.ts";
import { withLease } from "../images/lease.ts";

/** Makes a disk that boots the image; the image may be removed as soon as it is made. */
export async function convertImage(
  context: EngineContext,
  reference: string,
  options: ConvertOptions,
  signal: AbortSignal,
): Promise<BootDisk> {
  const { image } = findImage(context, reference);
  const argv = resolveWords(options, image.process, reference);
  const chains = chainIds(image.diffIds);
  const chain = chains.at(-1) ?? null;
  if (image.platform.architecture !== "amd64") {
    throw new DuetError(
      "unsupported",
      "ARCHITECTURE",
      `disks that boot are made of amd64 images only · this one is for ${image.platform.architecture}`,
      { subject: `image ${reference}` },
    );
  }
  return await withLease(context, async (lease) => {
    await lease.hold([], chains);
    await ensureUnpacked(context, image, signal);
    const ssh = options.sshKeys === null ? null : await sshServer(context, chain, signal);
    const request: BootDiskRequest = {
      name: nameFor(reference),
      chain,
      format: options.format,
      size: options.size,
      process: {
        argv,
        env: mergeEnvironment(image.process.env, options.env),
        user: options.user || image.process.user,
        workingDirectory: directoryOf(options.workingDirectory || image.process.workingDirectory),
        stopSignal: parseSignal(image.process.stopSignal || "SIGTERM"),
      },
      folders: image.process.volumes.filter((path) => path.startsWith("/")),
      hostname: options.hostname ?? nameFor(reference),
      network: options.network,
      ssh: ssh === null ? null : { server: ssh, keys: options.sshKeys ?? "" },
      kernel: options.kernel,
      epoch: options.epoch,
    };
    return await context.bootDisks.make(request, signal);
  });
}

function directoryOf(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** `library/nginx:1.27` is called `nginx`. A digest or id keeps its first digits. */
function nameFor(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  const name = last.startsWith("sha256:") ? last.slice(7, 19) : last.replace(/[:@].*$/, "");
  return (
    name
      .replaceAll(/[^A-Za-z0-9-]/g, "-")
      .replace(/^-+/, "")
      .slice(0, 63) || "machine"
  );
}

/** Servers by the path that packages give them, with the words that keep them in the foreground. */
const sshServers = [
  ["/usr/sbin/sshd", "-D"],
  ["/usr/sbin/dropbear", "-F", "-R"],
  ["/usr/bin/dropbear", "-F", "-R"],
];

async function sshServer(
  context: EngineContext,
  chain: ChainId | null,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const mounts = (await context.snapshotters.directory.view?.(chain)) ?? [];
  await using session = await context.rootfs.open(
    { kind: "mounts", mounts, readonly: true },
    signal,
  );
  for (const words of sshServers) {
    try {
      await session.stat(words[0]!, true, signal);
      return words;
    } catch (error) {
      if (!isDuetError(error) || error.class !== "not-found") throw error;
    }
  }
  throw new DuetError(
    "invalid",
    "SSH_SERVER_MISSING",
    "the image has no ssh server that the keys could be for · neither sshd nor dropbear",
    { hint: "install one in the image (openssh-server, dropbear), or leave the keys out" },
  );
}
