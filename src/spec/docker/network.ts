// Made from description/network.ts by `npm run fix`: change it there.

import type { EndpointSettings } from "./container.ts";

/** A subnet of a network. */
export interface IpamConfigBody {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** How a network gives addresses. */
export interface IpamBody {
  Driver?: string;
  Options?: Record<string, string> | null;
  Config?: IpamConfigBody[] | null;
}

/** The network whose configuration another one takes. */
export interface ConfigReference {
  Network?: string;
}

/** `POST /networks/create`. */
export interface NetworkCreateBody {
  Name?: string;
  /** Names are checked whatever it says. Up to API 1.43. */
  CheckDuplicate?: boolean;
  Driver?: string;
  Scope?: string;
  Internal?: boolean;
  Attachable?: boolean;
  /** From API 1.29 on. */
  Ingress?: boolean;
  /** From API 1.30 on. */
  ConfigOnly?: boolean;
  /** From API 1.30 on. */
  ConfigFrom?: ConfigReference;
  /** From API 1.48 on. */
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  IPAM?: IpamBody;
  Options?: Record<string, string>;
  Labels?: Record<string, string>;
}

/** `POST /networks/create`. */
export interface NetworkCreateAnswer {
  Id: string;
  Warning: string;
}

/** A container in a network's inspect. */
export interface NetworkContainer {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
}

/** `GET /networks/{id}`, and one entry of `GET /networks`. */
export interface NetworkInspect {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: IpamBody;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: ConfigReference;
  ConfigOnly: boolean;
  Containers: Record<string, NetworkContainer>;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** `POST /networks/{id}/connect`. */
export interface NetworkConnectBody {
  Container?: string;
  EndpointConfig?: EndpointSettings;
}

/** `POST /networks/{id}/disconnect`. */
export interface NetworkDisconnectBody {
  Container?: string;
  Force?: boolean;
}

/** `POST /networks/prune`. */
export interface NetworksPruneAnswer {
  NetworksDeleted: string[] | null;
}
