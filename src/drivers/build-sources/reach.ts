import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isInBlocks, mayReach, zoneOf, type Zone } from "../../kit/address-zone.ts";
import { race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";

/** A host that was looked up, and may be reached. */
export interface ReachedHost {
  readonly addresses: readonly string[];
  /** The innermost zone of its addresses. */
  readonly zone: Zone;
}

const inwards: readonly Zone[] = ["public", "private", "loopback", "forbidden"];

/**
 * Looks a host up and refuses where a Dockerfile has no business: this host's own services, link-local addresses
 * (metadata services), and, where `from` sent us there, anything further inside than `from` stands. `allowed` are
 * CIDR blocks that may be reached all the same. Throws `denied` SOURCE_DENIED, `unavailable` SOURCE_UNREACHABLE.
 */
export async function reachHost(
  hostname: string,
  from: ReachedHost | null,
  allowed: readonly string[],
  signal: AbortSignal,
): Promise<ReachedHost> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) === 0 ? await lookUp(host, signal) : [host];
  const zones = addresses.map((address) => {
    const zone = zoneOf(address);
    if (isInBlocks(address, allowed)) return zone;
    const isInside = zone === "loopback" || zone === "forbidden";
    if (isInside || (from !== null && !mayReach(from.zone, zone)))
      throw denied(host, address, zone);
    return zone;
  });
  const zone = inwards[Math.max(...zones.map((each) => inwards.indexOf(each)))]!;
  return { addresses, zone: zone === "forbidden" ? "public" : zone };
}

async function lookUp(host: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const found = await race(lookup(host, { all: true }), signal);
    if (found.length > 0) return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    throw unreachable(host, error instanceof Error ? error.message : String(error));
  }
  throw unreachable(host, "it has no address");
}

function denied(host: string, address: string, zone: Zone): DuetError {
  const where = zone === "forbidden" ? "reserved or link-local" : zone;
  return new DuetError(
    "denied",
    "SOURCE_DENIED",
    `builds may not fetch from ${host}: ${address} is a ${where} address`,
    { hint: "allow its addresses with the daemon's option --build-address" },
  );
}

export function unreachable(host: string, why: string): DuetError {
  return new DuetError("unavailable", "SOURCE_UNREACHABLE", `cannot reach ${host}: ${why}`);
}
