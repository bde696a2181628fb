import type { ContainerRecord, ContainerSpec, ResolvedProcess } from "../../domain/container.ts";
import type { ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { isSeed, seedTarget } from "../../domain/machine-seed.ts";
import type { MountRecord } from "../../domain/mount.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { commandWords } from "./resolve-process.ts";

/** Says what a machine's disk boots by, where its partitions do not: `bios` or `uefi`. */
const firmwareLabel = "duet.firmware";

/**
 * Whether a container is a machine that boots the disk in its image (KubeVirt's containerDisk): nobody says a
 * command, and the image has a disk. Throws `invalid` NO_COMMAND where the isolation is not one that boots it.
 */
export async function holdsDisk(
  context: EngineContext,
  spec: Pick<ContainerSpec, "process" | "isolation" | "image">,
  image: ImageRecord,
  signal: AbortSignal,
): Promise<boolean> {
  if (commandWords(spec.process, image.process).length > 0) return false;
  await ensureUnpacked(context, image, signal);
  const chain = chainIds(image.diffIds).at(-1) ?? null;
  const holds = (await context.snapshotters.machine.suits?.(chain, signal)) === true;
  if (!holds || spec.isolation === "vm") return holds;
  throw new DuetError("invalid", "NO_COMMAND", "no command specified: the image is a disk", {
    subject: `image ${spec.image}`,
    hint: "run it with --isolation=vm, which boots the disk",
  });
}

/**
 * Refuses, with `unsupported` MACHINE_CANNOT, what only an agent in the guest could do: nothing that was asked
 * for is left out without a word.
 */
export function checkMachine(
  spec: ContainerSpec,
  resolved: ResolvedProcess,
  mounts: readonly MountRecord[],
): void {
  const { process, security, resources, network } = spec;
  const asked: readonly (readonly [boolean, what: string, flag: string])[] = [
    [
      mounts.some((mount) => !isSeed(mount) || mount.spec.kind !== "bind"),
      `have mounts or volumes but a bind at ${seedTarget}`,
      "--volume, --mount and --tmpfs",
    ],
    [resolved.env.length > 0, "be given environment variables", "--env"],
    [process.user !== "", "run as another user", "--user"],
    [process.workingDirectory !== "", "start in a folder", "--workdir"],
    [isCheck(resolved), "be checked by a command", "--health-cmd, or give --no-healthcheck"],
    [spec.lifecycle.init, "have another init", "--init"],
    [spec.readonlyRoot, "have its disk read only", "--read-only"],
    [network.extraHosts.length > 0, "be told hosts", "--add-host"],
    [network.links.length > 0, "have links", "--link"],
    [security.privileged, "be more privileged than it is", "--privileged"],
    [
      security.capAdd.length > 0 || security.capDrop.length > 0,
      "have its capabilities chosen",
      "--cap-add and --cap-drop",
    ],
    [security.groupAdd.length > 0, "have groups", "--group-add"],
    [Object.keys(security.sysctls).length > 0, "have kernel settings", "--sysctl"],
    [resources.ulimits.length > 0, "have limits of processes", "--ulimit"],
    [resources.pids !== null && resources.pids > 0, "have processes counted", "--pids-limit"],
  ];
  for (const [isAsked, what, flag] of asked) if (isAsked) refuse(what, flag);
  if (mounts.some(({ readonly }) => !readonly))
    throw cannot("write to what it is told", `add :ro to the mount at ${seedTarget}`);
  const firmware = resolved.labels[firmwareLabel];
  if (firmware === undefined || isFirmware(firmware)) return;
  throw new DuetError(
    "invalid",
    "FIRMWARE_UNKNOWN",
    `the label ${firmwareLabel} is bios or uefi, not ${JSON.stringify(firmware.slice(0, 40))}`,
  );
}

function isCheck({ healthcheck }: ResolvedProcess): boolean {
  const test = healthcheck?.test ?? [];
  return test.length > 0 && test[0] !== "NONE";
}

function isFirmware(text: string | undefined): text is "bios" | "uefi" {
  return text === "bios" || text === "uefi";
}

/** The root with the size that the container asks for, and the firmware that it or its image does. */
export function asAsked(
  root: RootSource,
  { spec, resolved }: Pick<ContainerRecord, "spec" | "resolved">,
): RootSource {
  if (root.kind !== "machine") return root;
  const firmware = resolved.labels[firmwareLabel];
  return {
    ...root,
    disk: {
      ...root.disk,
      ...(spec.diskSize === undefined ? {} : { size: spec.diskSize }),
      ...(isFirmware(firmware) ? { firmware } : {}),
    },
  };
}

/** Refuses a size for what has no disk of its own, as Docker does where it can give none. */
export function checkDiskSize(spec: ContainerSpec, bootsDisk: boolean): void {
  if (bootsDisk || spec.diskSize === undefined) return;
  throw new DuetError(
    "unsupported",
    "NO_DISK_SIZE",
    "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
    { http: 500, hint: "of Duet's machines only one that boots its own disk takes a size" },
  );
}

function refuse(what: string, flag: string): never {
  throw cannot(what, `leave out ${flag}`);
}

function cannot(what: string, hint: string): DuetError {
  return new DuetError(
    "unsupported",
    "MACHINE_CANNOT",
    `a machine that boots its own disk cannot ${what} · there is no agent of Duet's in it`,
    { hint, http: 400 },
  );
}
