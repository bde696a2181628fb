import type { ProxySettings } from "../domain/registry.ts";
import { DuetError } from "../kit/errors.ts";

/** What the configuration says, by Docker's names; the rest comes from the environment. */
export interface GivenProxies {
  readonly "http-proxy"?: string;
  readonly "https-proxy"?: string;
  readonly "no-proxy"?: string;
}

export const proxyNames = ["http-proxy", "https-proxy", "no-proxy"] as const;

/** Whether a value of the file is an object with these names, and texts. */
export function isGivenProxies(value: unknown): value is GivenProxies {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([name, text]) =>
        (proxyNames as readonly string[]).includes(name) && typeof text === "string",
    )
  );
}

/**
 * The proxies of registries: as configured, else as HTTP_PROXY, HTTPS_PROXY and NO_PROXY say, in capitals or
 * not. An address without a protocol is one of http. Throws `invalid` CONFIG_INVALID for one that is no address.
 */
export function chooseProxies(
  given: GivenProxies,
  environment: Readonly<Record<string, string | undefined>>,
): ProxySettings {
  const choose = (name: (typeof proxyNames)[number]): string => {
    const variable = name.toUpperCase().replace("-", "_");
    return given[name] || environment[variable] || environment[variable.toLowerCase()] || "";
  };
  return {
    httpProxy: checked("http-proxy", choose("http-proxy").trim()),
    httpsProxy: checked("https-proxy", choose("https-proxy").trim()),
    noProxy: choose("no-proxy"),
  };
}

function checked(name: string, text: string): string {
  if (text === "") return "";
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url !== undefined && url.hostname !== "" && /^https?:$/.test(url.protocol)) return whole;
  throw new DuetError("invalid", "CONFIG_INVALID", `${name} is not the address of an HTTP proxy`, {
    hint: "write http://[user:password@]host:port, or https://…; SOCKS proxies are not supported",
  });
}

/** As `docker info` shows an address: with `xxxxx` for user and password. */
export function maskProxy(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1xxxxx:xxxxx@");
}
