import type { ObjectId } from "../../domain/identity.ts";
import type { InterfaceSetup } from "../../domain/network.ts";
import type { NetworkLink } from "../containers/network-files.ts";

/** The endpoints by which a workload leaves its networks, one an address family. */
export interface Gateways {
  readonly ipv4: ObjectId | undefined;
  readonly ipv6: ObjectId | undefined;
}

/**
 * Docker's choice: networks that lead out and have both families come first, then the higher
 * gateway priority, then the network's name in byte order.
 */
export function chooseGateways(links: readonly NetworkLink[]): Gateways {
  const sorted = links
    .filter(({ network }) => !network.spec.internal)
    .toSorted((a, b) => {
      const both = Number(hasBoth(b)) - Number(hasBoth(a));
      if (both !== 0) return both;
      const priority = b.endpoint.spec.gatewayPriority - a.endpoint.spec.gatewayPriority;
      return priority === 0 ? byName(a.network.spec.name, b.network.spec.name) : priority;
    });
  return {
    ipv4: sorted.find(({ endpoint }) => endpoint.ipv4Gateway !== "")?.endpoint.id,
    ipv6: sorted.find(({ endpoint }) => endpoint.ipv6Gateway !== "")?.endpoint.id,
  };
}

function hasBoth({ endpoint }: NetworkLink): boolean {
  return endpoint.ipv4Gateway !== "" && endpoint.ipv6Gateway !== "";
}

function byName(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** An interface's setup with the default routes of an endpoint that is a gateway, and no others. */
export function routedBy(
  gateways: Gateways,
  endpoint: ObjectId,
  setup: InterfaceSetup,
): InterfaceSetup {
  const routes = setup.routes.filter(({ destination, gateway }) => {
    if (destination !== "default") return true;
    return (gateway.includes(":") ? gateways.ipv6 : gateways.ipv4) === endpoint;
  });
  return { ...setup, routes };
}

/** What moves the default routes to the gateways, where these are other ones than before. */
export function movedRoutes(
  links: readonly NetworkLink[],
  before: Gateways,
  after: Gateways,
): readonly InterfaceSetup[] {
  return links.flatMap(({ endpoint }) => {
    const via = [
      after.ipv4 === endpoint.id && before.ipv4 !== endpoint.id ? endpoint.ipv4Gateway : "",
      after.ipv6 === endpoint.id && before.ipv6 !== endpoint.id ? endpoint.ipv6Gateway : "",
    ];
    const routes = via
      .filter((gateway) => gateway !== "")
      .map((gateway) => ({ destination: "default", gateway }));
    if (routes.length === 0 || endpoint.interfaceName === undefined) return [];
    const { interfaceName: name, mac } = endpoint;
    return [{ device: "", name, mac, addresses: [], routes, mtu: 0 }];
  });
}
