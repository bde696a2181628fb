import { compact } from "../../client/container-options.ts";
import type { EndpointSettings } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { some, someKeys } from "../container/present.ts";
import { keyValues } from "../container/key-values.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  minimum: 2,
  maximum: 2,
  completes: ["networks", "containers"],
  flags: [
    { name: "alias", kind: "list", summary: "Add network-scoped alias for the container" },
    { name: "ip", kind: "string", summary: "IPv4 address (e.g., 172.30.100.104)" },
    { name: "ip6", kind: "string", summary: "IPv6 address (e.g., 2001:db8::33)" },
    { name: "link", kind: "list", summary: "Add link to another container" },
    { name: "link-local-ip", kind: "list", summary: "Add a link-local address for the container" },
    {
      name: "gw-priority",
      kind: "integer",
      summary: "Highest gw-priority provides the default gateway (negative values are allowed)",
    },
    { name: "driver-opt", kind: "list", summary: "Driver options for the network" },
  ],
  examples: [
    { what: "Reachable there as db, too", line: "duet network connect --alias db app postgres" },
  ],
  async run({ flags, words, duet, signal }) {
    const [network = "", container = ""] = words;
    const endpoint = compact<EndpointSettings>({
      Aliases: some(flags.list("alias")),
      GwPriority: flags.integer("gw-priority"),
      Links: some(flags.list("link")),
      DriverOpts: someKeys(keyValues(flags.list("driver-opt"))),
      IPAMConfig: someKeys(
        compact<NonNullable<EndpointSettings["IPAMConfig"]>>({
          IPv4Address: flags.string("ip"),
          IPv6Address: flags.string("ip6"),
          LinkLocalIPs: some(flags.list("link-local-ip")),
        }),
      ),
    });
    await duet().networks.connect(network, container, endpoint, signal);
  },
};
