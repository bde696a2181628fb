import type { ObjectId } from "../../../domain/identity.ts";
import { formatAddress, parseAddress, type Address } from "../address.ts";

/** What the names of one endpoint are and lead to. */
export interface NamedEndpoint {
  readonly id: ObjectId;
  readonly names: readonly string[];
  readonly addresses: readonly Address[];
  /** `NAME:ALIAS` or `NAME`: other endpoints' names under an alias that this endpoint alone knows. */
  readonly links: readonly string[];
}

/** The names of one network. Other networks' names are in other objects: nobody can ask across. */
export class NameTable {
  private readonly endpoints = new Map<ObjectId, NamedEndpoint>();
  private readonly byName = new Map<string, Set<ObjectId>>();
  private readonly byAddress = new Map<string, ObjectId>();
  private turn = 0;

  add(endpoint: NamedEndpoint): void {
    this.remove(endpoint.id);
    this.endpoints.set(endpoint.id, endpoint);
    for (const name of endpoint.names) {
      const key = keyOf(name);
      const holders = this.byName.get(key);
      if (holders === undefined) this.byName.set(key, new Set([endpoint.id]));
      else holders.add(endpoint.id);
    }
    for (const address of endpoint.addresses) {
      this.byAddress.set(formatAddress(address), endpoint.id);
    }
  }

  remove(id: ObjectId): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return;
    this.endpoints.delete(id);
    for (const name of endpoint.names) {
      const holders = this.byName.get(keyOf(name));
      holders?.delete(id);
      if (holders?.size === 0) this.byName.delete(keyOf(name));
    }
    for (const address of endpoint.addresses) {
      const text = formatAddress(address);
      if (this.byAddress.get(text) === id) this.byAddress.delete(text);
    }
  }

  /**
   * Addresses of all who bear the name, in another order each time; undefined when nobody does.
   * `client` is the address that asks.
   */
  find(name: string, client: string): readonly Address[] | undefined {
    const holders = this.byName.get(keyOf(name)) ?? this.linked(name, client);
    if (holders === undefined) return undefined;
    const found = [...holders]
      .map((id) => this.endpoints.get(id))
      .filter((one) => one !== undefined);
    this.turn = (this.turn + 1) % 0x10000;
    const start = this.turn % Math.max(found.length, 1);
    return [...found.slice(start), ...found.slice(0, start)].flatMap((one) => one.addresses);
  }

  /** First name of the endpoint with that address. */
  nameOf(addressText: string): string | undefined {
    const address = parseAddress(addressText);
    if (address === undefined) return undefined;
    const id = this.byAddress.get(formatAddress(address));
    return id === undefined ? undefined : this.endpoints.get(id)?.names[0];
  }

  private linked(name: string, client: string): ReadonlySet<ObjectId> | undefined {
    const asking = this.byAddress.get(client);
    const links = asking === undefined ? [] : (this.endpoints.get(asking)?.links ?? []);
    for (const link of links) {
      const [target = "", alias = target] = link.split(":");
      if (keyOf(alias) === keyOf(name)) return this.byName.get(keyOf(target));
    }
    return undefined;
  }
}

function keyOf(name: string): string {
  return name.toLowerCase();
}
