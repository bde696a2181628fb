import { race, withDeadline } from "../../kit/abort.ts";
import { closeDescriptor } from "../../kit/descriptors.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { cardName, mostNetworks, networkBackend, networkCard } from "./command-line.ts";
import { Qmp } from "./qmp.ts";
import { openTap } from "./tap.ts";

/** A guest that has not let go of a card after this long is left with one that leads nowhere. */
const releaseMilliseconds = 15_000;
const descriptorName = "tap";

/** Which card an interface of the guest is: `eth0` is the first. Throws `exhausted` TOO_MANY_NETWORKS. */
export function cardOf(interfaceName: string): number {
  const index = Number(/^eth(\d{1,3})$/.exec(interfaceName)?.[1] ?? Number.NaN);
  if (index < mostNetworks) return index;
  throw new DuetError(
    "exhausted",
    "TOO_MANY_NETWORKS",
    `a virtual machine has at most ${mostNetworks} networks at a time`,
    { hint: "disconnect one first, or use a container" },
  );
}

/** The tap device of a machine's card. */
export function tapOf(machine: string, card: number): string {
  return card === 0 ? `dvm${machine}` : `dvm${machine}-${card}`;
}

/** Plugs a network card into a running machine, on a new tap device that lives as long as the card. */
export async function plugCard(
  monitor: string,
  card: number,
  tap: string,
  mac: string,
  signal: AbortSignal,
): Promise<void> {
  /* A daemon that died while it connected may have left one that no record names. */
  if (await hasCard(monitor, card, signal)) await unplugCard(monitor, card, signal);
  const descriptor = openTap(tap);
  let qmp: Qmp;
  try {
    qmp = await Qmp.openHanding(monitor, { name: descriptorName, descriptor }, signal);
  } finally {
    closeDescriptor(descriptor);
  }
  const id = networkBackend(card);
  try {
    await qmp.execute("netdev_add", { type: "tap", id, fd: descriptorName, vhost: false }, signal);
    try {
      await qmp.execute("device_add", networkCard(card, mac), signal);
    } catch (error) {
      await qmp.execute("netdev_del", { id }, signal);
      throw error;
    }
  } finally {
    qmp.close();
  }
}

/** Whether a machine has this card plugged. */
export async function hasCard(
  monitor: string,
  card: number,
  signal: AbortSignal,
): Promise<boolean> {
  const qmp = await Qmp.open(monitor, signal);
  try {
    return await isPlugged(qmp, card, signal);
  } finally {
    qmp.close();
  }
}

async function isPlugged(qmp: Qmp, card: number, signal: AbortSignal): Promise<boolean> {
  const parts = await qmp.execute("qom-list", { path: "/machine/peripheral" }, signal);
  return Array.isArray(parts) && parts.some((part) => nameOf(part) === cardName(card));
}

/** QEMU says no where there is none; anything else is a failure. */
function refusedOnly(error: unknown): void {
  if (!isDuetError(error) || error.code !== "QMP_FAILED") throw error;
}

function nameOf(part: unknown): unknown {
  return typeof part === "object" && part !== null && "name" in part ? part.name : undefined;
}

/**
 * Takes a network card out, its tap device first: nothing passes any more, whatever the guest does. No
 * error when either is gone already.
 */
export async function unplugCard(
  monitor: string,
  card: number,
  signal: AbortSignal,
): Promise<void> {
  const qmp = await Qmp.open(monitor, signal);
  try {
    await qmp.execute("netdev_del", { id: networkBackend(card) }, signal).catch(refusedOnly);
    if (!(await isPlugged(qmp, card, signal))) return;
    const id = cardName(card);
    const until = withDeadline(signal, releaseMilliseconds, "a guest that lets go of its card");
    const gone = qmp.event(
      ({ name, data }) => name === "DEVICE_DELETED" && data["device"] === id,
      until,
    );
    gone.catch(() => undefined);
    await qmp.execute("device_del", { id }, signal);
    await race(gone, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isDuetError(error, "timeout")) throw error;
  } finally {
    qmp.close();
  }
}
