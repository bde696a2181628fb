import type { NetworkRecord } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";

/** By id, name or unambiguous id prefix. */
export function findNetwork(context: EngineContext, reference: string): NetworkRecord {
  const all = context.store.networks.list();
  const exact =
    context.store.networks.get(reference) ?? all.find((network) => network.spec.name === reference);
  if (exact !== undefined) return exact;
  const matches = /^[0-9a-f]{1,64}$/.test(reference)
    ? all.filter((network) => network.id.startsWith(reference))
    : [];
  if (matches.length > 1) {
    throw new DuetError(
      "invalid",
      "ID_AMBIGUOUS",
      `network ${reference} is ambiguous (${matches.length} matches found on ID prefix)`,
    );
  }
  if (matches[0] !== undefined) return matches[0];
  throw new DuetError("not-found", "NETWORK_NOT_FOUND", `network ${reference} not found`, {
    subject: `network ${reference}`,
    hint: "list networks with `network ls`",
  });
}
