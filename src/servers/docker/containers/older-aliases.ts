import type { ContainerInspect, EndpointSettings } from "../../../spec/docker/container.ts";

const predefined: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

/**
 * Up to API 1.44 inspect counted a container's short id and hostname among the aliases that it has
 * in networks of the user's own; later versions tell them in DNSNames only.
 */
export function withOlderAliases(answer: ContainerInspect, apiVersion: number): ContainerInspect {
  if (apiVersion >= 1045) return answer;
  const names = [answer.Id.slice(0, 12), answer.Config.Hostname ?? ""].filter(Boolean);
  const networks = Object.entries(answer.NetworkSettings.Networks).map(
    ([network, endpoint]): [string, EndpointSettings] => [
      network,
      predefined.has(network)
        ? endpoint
        : { ...endpoint, Aliases: [...new Set([...(endpoint.Aliases ?? []), ...names])] },
    ],
  );
  const settings = { ...answer.NetworkSettings, Networks: Object.fromEntries(networks) };
  return { ...answer, NetworkSettings: settings };
}
