import type { EngineEvent } from "../../../domain/event.ts";
import type { EventMessage } from "../../../spec/docker/event.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import type { Filters } from "../filters.ts";
import { untilAborted } from "../streaming.ts";
import { parseMoment } from "../time.ts";

/** `GET /events`: one JSON object a line, from `since` (or now, or with `until` what is past) to `until` (or the client's end). */
export async function streamEvents(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const filters = query.filters();
  const since = momentOf(query.text("since"));
  const until = momentOf(query.text("until"));
  if (since !== null && until !== null && since > until) {
    const [first, last] = [query.text("since"), query.text("until")];
    throw invalid(`\`since\` time (${first}) cannot be after \`until\` time (${last})`);
  }
  const events = exchange.engine.system.events({ since, until }, exchange.signal);
  exchange.begin("application/json");
  for await (const event of untilAborted(events, exchange.signal)) {
    if (exchange.apiVersion < 1046 && event.type === "image" && event.action === "create") continue;
    if (includesEvent(filters, event)) await exchange.write(encodeEvent(event));
  }
  exchange.end();
}

function momentOf(text: string): number | null {
  return text === "" ? null : parseMoment(text, 0);
}

/** Docker's daemon/events/filter.go. */
export function includesEvent(filters: Filters, event: EngineEvent): boolean {
  if (filters.isEmpty) return true;
  return (
    matchesAction(filters, event.action) &&
    filters.exact("type", event.type) &&
    filters.exact("scope", "local") &&
    [
      "container",
      "network",
      "volume",
      "daemon",
      "plugin",
      "node",
      "service",
      "secret",
      "config",
    ].every((type) => matchesObject(filters, type, event)) &&
    matchesImage(filters, event) &&
    filters.labels("label", event.attributes)
  );
}

function matchesAction(filters: Filters, action: string): boolean {
  if (filters.exact("event", action)) return true;
  const isOpen = ["health_status", "exec_create", "exec_start"].some((word) =>
    filters.get("event").includes(word),
  );
  return isOpen && filters.prefix("event", action);
}

function matchesObject(filters: Filters, type: string, event: EngineEvent): boolean {
  return filters.prefix(type, event.id) || filters.prefix(type, event.attributes["name"] ?? "");
}

function matchesImage(filters: Filters, event: EngineEvent): boolean {
  if (!filters.has("image")) return true;
  const name = event.attributes[event.type === "image" ? "name" : "image"] ?? "";
  return [event.id, name, withoutTag(event.id), withoutTag(name)].some((text) =>
    filters.exact("image", text),
  );
}

function withoutTag(name: string): string {
  const plain = name.split("@", 1)[0]!;
  const colon = plain.lastIndexOf(":");
  return colon > plain.lastIndexOf("/") ? plain.slice(0, colon) : plain;
}

/** One line; the nanoseconds exceed what a JavaScript number holds, so they go in as digits. */
export function encodeEvent(event: EngineEvent): string {
  const isLegacy = event.type === "container" || event.type === "image";
  // As Go writes a map.
  const attributes = Object.fromEntries(
    Object.entries(event.attributes).toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
  const from = event.type === "container" ? event.attributes["image"] : undefined;
  const message: Omit<EventMessage, "timeNano"> = {
    ...(isLegacy ? { status: event.action } : {}),
    ...(isLegacy && event.id !== "" ? { id: event.id } : {}),
    ...(from === undefined ? {} : { from }),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: attributes },
    scope: "local",
    time: Number(event.timeNanoseconds / 1_000_000_000n),
  };
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${event.timeNanoseconds}}\n`;
}
