import { lookup as systemLookup } from "node:dns";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { DuetError } from "../../kit/errors.ts";
import { innermostZone, mayReach, zoneOf, type Zone } from "../../kit/address-zone.ts";
import { proxyFor } from "../../kit/http-proxy.ts";
import { readCertificates } from "./certificates.ts";
import { hostName, isInsecureHost, isListed, type RegistryConfig } from "./registry-config.ts";

const agentOptions = {
  keepAlive: true,
  maxSockets: 16,
  maxFreeSockets: 4,
  timeout: 60_000,
} as const;

/**
 * What one registry (`host[:port]`, named by the user) may make this host connect to. Its own host
 * is reached wherever it is. Redirects and token servers that it names must not lead further inside
 * than it stands itself, must not fall back from TLS, and get connections of their own, so that an
 * address that was checked is the one that is spoken to.
 */
export class Trust {
  readonly host: string;
  readonly isInsecure: boolean;
  private readonly config: RegistryConfig;
  /** By whether it is for the own host, speaks TLS, and goes by which proxy. */
  private readonly agents = new Map<string, HttpAgent>();
  /** Where the registry's own host was found; undefined before the first connection. */
  private zone: Zone | undefined;

  constructor(host: string, config: RegistryConfig) {
    this.host = host;
    this.config = config;
    this.isInsecure = isInsecureHost(host, config);
    const name = hostName(host);
    if (isIP(name) !== 0) this.zone = zoneOf(name);
    if (name === "localhost") this.zone = "loopback";
  }

  /** By host and port; a URL leaves the port out where it is its protocol's own. */
  isOwn(url: URL): boolean {
    const port = url.protocol === "https:" ? "443" : "80";
    return url.host === this.host || `${url.host}:${port}` === this.host;
  }

  /** The proxy by which a place is reached, or "". */
  proxy(url: URL): string {
    return this.config.proxies === undefined ? "" : proxyFor(url, this.config.proxies);
  }

  agent(url: URL): HttpAgent {
    const own = this.isOwn(url);
    const proxy = this.proxy(url);
    const key = `${own} ${url.protocol} ${proxy}`;
    const agent = this.agents.get(key) ?? this.makeAgent(url.protocol === "https:", own, proxy);
    this.agents.set(key, agent);
    return agent;
  }

  private makeAgent(isSecure: boolean, own: boolean, proxy: string): HttpAgent {
    const proxyEnv = proxy === "" ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } };
    if (!isSecure) return new HttpAgent({ ...agentOptions, ...proxyEnv });
    const certificates = {
      rejectUnauthorized: !this.isInsecure,
      ...readCertificates(this.config.certificatesDirectory ?? "", this.host),
    };
    return new HttpsAgent({
      ...agentOptions,
      ...proxyEnv,
      minVersion: "TLSv1.2",
      ...(own ? certificates : {}),
    });
  }

  /**
   * Checks a place that the registry names, from `from` on. Throws `denied` REGISTRY_REDIRECT for
   * another protocol, for leaving TLS, and for an address further inside.
   */
  check(url: URL, from: URL): void {
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw this.refused(url, `${url.protocol} is not a protocol of registries`);
    }
    if (url.username !== "" || url.password !== "")
      throw this.refused(url, "the address carries credentials");
    if (url.protocol === "http:") {
      if (from.protocol === "https:") throw this.refused(url, "it leaves TLS");
      if (!isInsecureHost(url.host, this.config)) throw this.refused(url, "it has no TLS");
    }
    const name = hostName(url.host);
    if (isIP(name) !== 0) this.checkAddress(url.host, name);
  }

  /** A look-up whose addresses were checked; net.connect uses just these. Not called for addresses in URLs. */
  lookupFor(url: URL): LookupFunction {
    // A proxy looks names up itself: its operator says what may be reached by it.
    if (this.proxy(url) !== "") return systemLookup;
    return (name, options, callback) => {
      systemLookup(name, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, "");
        try {
          if (this.isOwn(url))
            this.zone = innermostZone(addresses.map(({ address }) => zoneOf(address)));
          else for (const { address } of addresses) this.checkAddress(url.host, address);
        } catch (refusal) {
          return callback(refusal instanceof Error ? refusal : new Error(String(refusal)), "");
        }
        if (options.all === true) return callback(null, addresses);
        const first = addresses[0]!;
        return callback(null, first.address, first.family);
      });
    };
  }

  private checkAddress(host: string, address: string): void {
    if (this.isOwn(new URL(`https://${host}`)) || isListed(host, this.config)) return;
    if (isListed(address.includes(":") ? `[${address}]` : address, this.config)) return;
    if (mayReach(this.zone ?? "public", zoneOf(address))) return;
    throw new DuetError(
      "denied",
      "REGISTRY_REDIRECT",
      `the registry ${this.host} points to ${host}, which is at the ${zoneOf(address)} address ${address}`,
      {
        subject: this.host,
        hint: "if that is meant, name the host in insecureRegistries of the daemon's configuration",
      },
    );
  }

  private refused(url: URL, why: string): DuetError {
    const shown = JSON.stringify(`${url.protocol}//${url.host}`.slice(0, 200));
    return new DuetError(
      "denied",
      "REGISTRY_REDIRECT",
      `the registry ${this.host} points to ${shown}: ${why}`,
      {
        subject: this.host,
      },
    );
  }
}
