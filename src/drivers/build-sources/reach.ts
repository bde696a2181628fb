import { lookup } from "node:dns/promises";
import { connect, isIP, type LookupFunction } from "node:net";
import { innermostZone, isInBlocks, mayReach, zoneOf, type Zone } from "../../kit/address-zone.ts";
import { race, withDeadline } from "../../kit/abort.ts";
import { DuetError, reasonOf } from "../../kit/errors.ts";
import { proxyFor, type HttpProxies } from "../../kit/http-proxy.ts";

const connectMilliseconds = 60_000;

/** What builds may reach, and how. */
export interface ReachRules {
  /** CIDR blocks that may be reached whatever their zone. */
  readonly allowed: readonly string[];
  readonly proxies: HttpProxies;
}

/** A host that was looked up, and may be reached. */
export interface ReachedHost {
  /** None of a name that only a proxy looks up. */
  readonly addresses: readonly string[];
  /** The innermost zone of its addresses. */
  readonly zone: Zone;
}

/** The host of a URL, and the proxy by which it is reached, or "". */
export interface ReachedPlace extends ReachedHost {
  readonly proxy: string;
}

/**
 * As `reachHost`, by the daemon's proxies. A proxy looks names up itself: its operator says what may be reached by
 * it, and where such a place sends us on to counts as seen from outside.
 */
export async function reachPlace(
  url: URL,
  from: ReachedHost | null,
  rules: ReachRules,
  signal: AbortSignal,
): Promise<ReachedPlace> {
  const proxy = proxyFor(url, rules.proxies);
  if (proxy !== "" && isIP(hostOf(url.hostname)) === 0) {
    return { addresses: [], zone: "public", proxy };
  }
  return { ...(await reachHost(url.hostname, from, rules, signal)), proxy };
}

/**
 * Looks a host up and refuses where a Dockerfile has no business: this host's own services, link-local addresses
 * (metadata services), and, where `from` sent us there, anything further inside than `from` stands. Throws `denied` SOURCE_DENIED, `unavailable` SOURCE_UNREACHABLE.
 */
export async function reachHost(
  hostname: string,
  from: ReachedHost | null,
  { allowed }: Pick<ReachRules, "allowed">,
  signal: AbortSignal,
): Promise<ReachedHost> {
  const host = hostOf(hostname);
  const addresses = isIP(host) === 0 ? await lookUp(host, signal) : [host];
  const zones = addresses.map((address) => {
    const zone = zoneOf(address);
    if (isInBlocks(address, allowed)) return zone;
    const isInside = zone === "loopback" || zone === "forbidden";
    if (isInside || (from !== null && !mayReach(from.zone, zone)))
      throw denied(host, address, zone);
    return zone;
  });
  return { addresses, zone: innermostZone(zones) };
}

/** The first of a host's addresses that takes connections; an only one is taken at its word. */
export async function servingAddress(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<string> {
  const [first = "", ...others] = addresses;
  if (others.length === 0) return first;
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const given: LookupFunction = (_, __, answer) => answer(null, found);
  const socket = connect({ host: "checked", port, lookup: given, autoSelectFamily: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve).once("error", reject);
  try {
    await race(promise, withDeadline(signal, connectMilliseconds, "connect to a repository"));
    return socket.remoteAddress ?? first;
  } catch (error) {
    promise.catch(() => undefined);
    signal.throwIfAborted();
    const why = reasonOf(error) ?? (error as Error).message;
    throw unreachable(addresses.join(", "), why);
  } finally {
    socket.on("error", () => undefined).destroy();
  }
}

function hostOf(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
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
