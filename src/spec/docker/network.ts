import type { EndpointSettings } from "./container.ts";

/** Wire types of networks (Docker Engine API). */

export interface IpamConfigBody {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export interface IpamBody {
  Driver?: string;
  Options?: Record<string, string> | null;
  Config?: IpamConfigBody[];
}

export interface NetworkCreateBody {
  Name?: string;
  Driver?: string;
  Scope?: string;
  Internal?: boolean;
  Attachable?: boolean;
  Ingress?: boolean;
  ConfigOnly?: boolean;
  ConfigFrom?: { Network?: string };
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  IPAM?: IpamBody;
  Options?: Record<string, string>;
  Labels?: Record<string, string>;
}

export interface NetworkCreateAnswer {
  Id: string;
  Warning: string;
}

export interface NetworkContainer {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
}

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
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Containers: Record<string, NetworkContainer>;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

export interface NetworkConnectBody {
  Container?: string;
  EndpointConfig?: EndpointSettings;
}

export interface NetworkDisconnectBody {
  Container?: string;
  Force?: boolean;
}

export interface NetworksPruneAnswer {
  NetworksDeleted: string[] | null;
}
