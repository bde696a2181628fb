import type { ContainerCreateBody, EndpointSettings } from "../../client/api-types.ts";
import { compact } from "../../client/container-options.ts";
import { usageError, type Flags } from "../flags.ts";
import { some, someKeys } from "./present.ts";
import { splitCsv } from "./mount-option.ts";

interface Attachment {
  readonly target: string;
  readonly settings: EndpointSettings;
}

/** HostConfig.NetworkMode: the first `--network`. */
export function networkModeOf(flags: Flags): string {
  return networks(flags)[0]?.target ?? "default";
}

/** NetworkingConfig: each network wanted, with aliases and addresses. */
export function networkingOf(flags: Flags): ContainerCreateBody["NetworkingConfig"] | undefined {
  const wanted = networks(flags);
  const shared = compact<EndpointSettings>({
    Aliases: some([...flags.list("network-alias"), ...flags.list("net-alias")]),
    MacAddress: flags.has("mac-address") ? flags.string("mac-address") : undefined,
    IPAMConfig: someKeys(
      compact<NonNullable<EndpointSettings["IPAMConfig"]>>({
        IPv4Address: flags.string("ip"),
        IPv6Address: flags.string("ip6"),
        LinkLocalIPs: some(flags.list("link-local-ip")),
      }),
    ),
  });
  if (wanted.length === 0 && Object.keys(shared).length === 0) return undefined;
  if (wanted.length > 1 && Object.keys(shared).length > 0) {
    throw usageError(
      "AMBIGUOUS_NETWORK_OPTION",
      "with several networks, give aliases and addresses in each --network name=…,alias=…,ip=…",
    );
  }
  const [first, ...rest] = wanted;
  const endpoints: Record<string, EndpointSettings> = {
    [first?.target ?? "default"]: { ...first?.settings, ...shared },
  };
  for (const { target, settings } of rest) endpoints[target] = settings;
  return { EndpointsConfig: endpoints };
}

function networks(flags: Flags): Attachment[] {
  return [...flags.list("network"), ...flags.list("net")].map(parseNetwork);
}

/** A name, or `name=NET,alias=A,ip=ADDRESS,…`. */
function parseNetwork(word: string): Attachment {
  if (!word.includes("=")) return { target: word, settings: {} };
  let target = "";
  const settings: EndpointSettings = {};
  const addresses: NonNullable<EndpointSettings["IPAMConfig"]> = {};
  for (const field of splitCsv(word)) {
    const [name = "", ...rest] = field.split("=");
    const value = rest.join("=");
    if (name === "name") target = value;
    else if (name === "alias") (settings.Aliases ??= []).push(value);
    else if (name === "ip") addresses.IPv4Address = value;
    else if (name === "ip6") addresses.IPv6Address = value;
    else if (name === "link-local-ip") (addresses.LinkLocalIPs ??= []).push(value);
    else if (name === "mac-address") settings.MacAddress = value;
    else if (name === "gw-priority") settings.GwPriority = Number(value);
    else if (name === "driver-opt") {
      const [key = "", ...option] = value.split("=");
      (settings.DriverOpts ??= {})[key] = option.join("=");
    } else
      throw usageError(
        "BAD_NETWORK",
        `invalid argument "${word}" for "--network" flag: invalid field ${name}`,
      );
  }
  if (target === "")
    throw usageError(
      "BAD_NETWORK",
      `invalid argument "${word}" for "--network" flag: name= is missing`,
    );
  if (Object.keys(addresses).length > 0) settings.IPAMConfig = addresses;
  return { target, settings };
}
