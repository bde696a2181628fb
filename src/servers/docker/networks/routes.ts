import { parseGoBoolean } from "../../../kit/go-boolean.ts";
import type { NetworkRecord } from "../../../domain/network.ts";
import { networkConnectBody, networkDisconnectBody } from "../../../spec/docker/bodies.ts";
import type { NetworksPruneAnswer } from "../../../spec/docker/network.ts";
import { endpointOf } from "../containers/spec/network.ts";
import type { Exchange } from "../exchange.ts";
import { DuetError } from "../../../kit/errors.ts";
import { invalid, notFound } from "../failures.ts";
import type { Filters } from "../filters.ts";
import { keepByAgeAndLabels } from "../prune-filters.ts";
import type { Route } from "../router.ts";
import { createNetwork } from "./create.ts";
import { driverWord, encodeNetwork } from "./network.ts";

export const networkRoutes: readonly Route[] = [
  { method: "GET", path: "/networks", handle: listNetworks },
  { method: "GET", path: "/networks/", handle: listNetworks },
  { method: "POST", path: "/networks/create", handle: createNetwork },
  { method: "POST", path: "/networks/prune", handle: pruneNetworks },
  { method: "GET", path: "/networks/{id}", handle: inspectNetwork },
  { method: "DELETE", path: "/networks/{id}", handle: removeNetwork },
  { method: "POST", path: "/networks/{id}/connect", handle: connectNetwork },
  { method: "POST", path: "/networks/{id}/disconnect", handle: disconnectNetwork },
];

async function listNetworks(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  const { networks } = exchange.engine;
  for (const type of filters.get("type")) {
    if (type === "builtin" || type === "custom") continue;
    throw new DuetError(
      "internal",
      "FILTER_INVALID",
      `invalid filter: 'type'='${type.slice(0, 80)}'`,
    );
  }
  const chosen = networks.list().filter((network) => matches(exchange, filters, network));
  exchange.answer(
    200,
    // Up to API 1.27 a list tells as much as inspect does.
    chosen.map((network) =>
      encodeNetwork(network, exchange.apiVersion < 1028 ? networks.members(network) : []),
    ),
  );
}

function matches(exchange: Exchange, filters: Filters, network: NetworkRecord): boolean {
  const dangling = danglingOf(filters);
  const isUnused = (): boolean =>
    !network.predefined && exchange.engine.networks.members(network).length === 0;
  return (
    filters.pattern("name", network.spec.name) &&
    filters.prefix("id", network.id) &&
    filters.exact("driver", driverWord(network)) &&
    filters.exact("scope", "local") &&
    filters.exact("type", network.predefined ? "builtin" : "custom") &&
    filters.labels("label", network.spec.labels) &&
    (dangling === null || isUnused() === dangling)
  );
}

function danglingOf(filters: Filters): boolean | null {
  try {
    return filters.flag("dangling");
  } catch {
    throw invalid(
      'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
    );
  }
}

async function inspectNetwork(exchange: Exchange): Promise<void> {
  const { networks } = exchange.engine;
  checkTruth("verbose", exchange.query.text("verbose"));
  const scope = exchange.query.text("scope");
  const network = networks.get(exchange.parameter("id"));
  if (scope !== "" && scope !== "local") {
    const { name } = network.spec;
    throw notFound("NETWORK_NOT_FOUND", `network ${name} not found`);
  }
  exchange.answer(200, encodeNetwork(network, networks.members(network)));
}

function checkTruth(name: string, value: string): void {
  if (value === "" || parseGoBoolean(value) !== undefined) return;
  const shown = value.slice(0, 80);
  throw invalid(
    `invalid value for ${name}: ${shown}: strconv.ParseBool: parsing ${JSON.stringify(shown)}: invalid syntax`,
  );
}

async function removeNetwork(exchange: Exchange): Promise<void> {
  await exchange.engine.networks.remove(exchange.parameter("id"), exchange.signal);
  exchange.empty(204);
}

async function connectNetwork(exchange: Exchange): Promise<void> {
  const body = await exchange.read(networkConnectBody);
  await exchange.engine.networks.connect(
    exchange.parameter("id"),
    containerOf(body),
    endpointOf(body.EndpointConfig ?? {}),
    exchange.signal,
  );
  exchange.empty(200);
}

async function disconnectNetwork(exchange: Exchange): Promise<void> {
  const body = await exchange.read(networkDisconnectBody);
  await exchange.engine.networks.disconnect(
    exchange.parameter("id"),
    containerOf(body),
    body.Force ?? false,
    exchange.signal,
  );
  exchange.empty(200);
}

function containerOf({ Container: container = "" }: { readonly Container?: string }): string {
  if (container === "") throw invalid('invalid name or ID supplied: ""');
  return container;
}

async function pruneNetworks(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  const keeps = keepByAgeAndLabels(filters);
  const { deleted } = await exchange.engine.networks.prune(
    (network) => keeps(network.createdAt, network.spec.labels),
    exchange.signal,
  );
  const answer: NetworksPruneAnswer = { NetworksDeleted: deleted.length > 0 ? [...deleted] : null };
  exchange.answer(200, answer);
}
