import type { ModuleDescription } from "./form.ts";

export const network: ModuleDescription = {
  IpamConfigBody: {
    about: "A subnet of a network.",
    go: "IPAMConfig",
    fields: {
      Subnet: "string?",
      IPRange: "string?",
      Gateway: "string?",
      AuxiliaryAddresses: "{string}?",
    },
  },
  IpamBody: {
    about: "How a network gives addresses.",
    go: "IPAM",
    fields: { Driver: "string", Options: "{string} | null", Config: "IpamConfigBody[] | null" },
  },
  ConfigReference: {
    about: "The network whose configuration another one takes.",
    fields: { Network: "string" },
  },
  NetworkCreateBody: {
    about: "`POST /networks/create`.",
    go: "CreateRequest",
    fields: {
      Name: "string?",
      CheckDuplicate: "bool? until 1.43 — Names are checked whatever it says.",
      Driver: "string?",
      Scope: "string?",
      Internal: "bool?",
      Attachable: "bool?",
      Ingress: "bool? since 1.29",
      ConfigOnly: "bool? since 1.30",
      ConfigFrom: "ConfigReference? since 1.30",
      EnableIPv4: "bool? since 1.48",
      EnableIPv6: "bool?",
      IPAM: "IpamBody?",
      Options: "{string}?",
      Labels: "{string}?",
    },
  },
  NetworkCreateAnswer: {
    about: "`POST /networks/create`.",
    fields: { Id: "string", Warning: "string" },
  },
  NetworkContainer: {
    about: "A container in a network's inspect.",
    fields: {
      Name: "string",
      EndpointID: "string",
      MacAddress: "string",
      IPv4Address: "string",
      IPv6Address: "string",
    },
  },
  NetworkInspect: {
    about: "`GET /networks/{id}`, and one entry of `GET /networks`.",
    fields: {
      Name: "string",
      Id: "string",
      Created: "time",
      Scope: "string",
      Driver: "string",
      EnableIPv4: "bool",
      EnableIPv6: "bool",
      IPAM: "IpamBody",
      Internal: "bool",
      Attachable: "bool",
      Ingress: "bool",
      ConfigFrom: "ConfigReference",
      ConfigOnly: "bool",
      Containers: "{NetworkContainer}",
      Options: "{string}",
      Labels: "{string}",
    },
  },
  NetworkConnectBody: {
    about: "`POST /networks/{id}/connect`.",
    go: "ConnectOptions",
    fields: { Container: "string?", EndpointConfig: "EndpointSettings?" },
  },
  NetworkDisconnectBody: {
    about: "`POST /networks/{id}/disconnect`.",
    go: "DisconnectOptions",
    fields: { Container: "string?", Force: "bool?" },
  },
  NetworksPruneAnswer: {
    about: "`POST /networks/prune`.",
    fields: { NetworksDeleted: "string[] | null" },
  },
};
