import type { FlagSpec } from "../flags.ts";

export const networkFlags: readonly FlagSpec[] = [
  {
    name: "network",
    kind: "list",
    value: "network",
    summary: "Connect a container to a network",
    completes: "networks",
  },
  {
    name: "net",
    kind: "list",
    summary: "Connect a container to a network",
    hidden: true,
    completes: "networks",
  },
  { name: "network-alias", kind: "list", summary: "Add network-scoped alias for the container" },
  {
    name: "net-alias",
    kind: "list",
    summary: "Add network-scoped alias for the container",
    hidden: true,
  },
  {
    name: "publish",
    short: "p",
    kind: "list",
    summary: "Publish a container's port(s) to the host",
  },
  {
    name: "publish-all",
    short: "P",
    kind: "boolean",
    summary: "Publish all exposed ports to random ports",
  },
  { name: "expose", kind: "list", summary: "Expose a port or a range of ports" },
  { name: "ip", kind: "string", summary: "IPv4 address (e.g., 172.30.100.104)" },
  { name: "ip6", kind: "string", summary: "IPv6 address (e.g., 2001:db8::33)" },
  { name: "link-local-ip", kind: "list", summary: "Container IPv4/IPv6 link-local addresses" },
  {
    name: "mac-address",
    kind: "string",
    summary: "Container MAC address (e.g., 92:d0:c6:0a:29:33)",
  },
  { name: "link", kind: "list", summary: "Add link to another container", completes: "containers" },
  { name: "add-host", kind: "list", summary: "Add a custom host-to-IP mapping (host:ip)" },
  { name: "dns", kind: "list", summary: "Set custom DNS servers" },
  { name: "dns-option", kind: "list", summary: "Set DNS options" },
  { name: "dns-opt", kind: "list", summary: "Set DNS options", hidden: true },
  { name: "dns-search", kind: "list", summary: "Set custom DNS search domains" },
];
