import { isIP } from "node:net";
import { isInBlocks, zoneOf } from "./address-zone.ts";

/** URLs of proxies by the protocol of what is reached, "" for none. */
export interface HttpProxies {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  /** Hosts that are reached directly, as the variable NO_PROXY names them. */
  readonly noProxy: string;
}

/**
 * URL of the proxy by which `url` is reached, or "". By the rules of Go's golang.org/x/net/http/httpproxy,
 * which Docker has: never for this host itself, nor for what `noProxy` names, which is `*` or a list of
 * domains (with all below them, or only those where it begins with a dot), addresses and blocks of them,
 * each with a port or without.
 */
export function proxyFor(url: URL, settings: HttpProxies): string {
  const proxy = url.protocol === "https:" ? settings.httpsProxy : settings.httpProxy;
  if (proxy === "") return "";
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const isLocal = host === "localhost" || (isIP(host) !== 0 && zoneOf(host) === "loopback");
  const isExcluded = settings.noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && covers(entry, host.replace(/\.$/, ""), port));
  return isLocal || isExcluded ? "" : proxy;
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInBlocks(host, [entry]);
  const [, bracketed, plain, wanted] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  const name = bracketed ?? plain ?? entry;
  if (isIP(name) !== 0) return isInBlocks(host, [`${name}/${isIP(name) === 4 ? 32 : 128}`]);
  const domain = name.replace(/^\*(?=\.)/, "");
  if (domain.startsWith(".")) return host.endsWith(domain);
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
}
