import type { ObjectId } from "../../../domain/identity.ts";
import { formatAddress, parseAddress, type Address } from "../address.ts";

/** What the names of one endpoint are and lead to. */
export interface NamedEndpoint {
  readonly id: ObjectId;
  /** Whose it is: who asks on one network finds the names of all that it is on. */
  readonly container: ObjectId;
  readonly names: readonly string[];
  readonly addresses: readonly Address[];
  /** `NAME:ALIAS` or `NAME`: other endpoints' names under an alias that this endpoint alone knows. */
  readonly links: readonly string[];
  /** Servers that are asked what no network knows, instead of the host's own; none is the host's own. */
  readonly nameservers: readonly string[];
}

/** The networks that each container is on, for the tables of all networks. */
export type Memberships = Map<ObjectId, Map<ObjectId, NameTable>>;

/** The names of one network. Other networks' names are in other objects: only who is on both can ask across. */
export class NameTable {
  private readonly network: string;
  private readonly memberships: Memberships;
  private readonly endpoints = new Map<ObjectId, NamedEndpoint>();
  private readonly byName = new Map<string, Set<ObjectId>>();
  private readonly byAddress = new Map<string, ObjectId>();
  private turn = 0;

  constructor(network: string, memberships: Memberships = new Map()) {
    this.network = network;
    this.memberships = memberships;
  }

  add(endpoint: NamedEndpoint): void {
    this.remove(endpoint.id);
    this.endpoints.set(endpoint.id, endpoint);
    const mine = this.memberships.get(endpoint.container) ?? new Map<ObjectId, NameTable>();
    this.memberships.set(endpoint.container, mine.set(endpoint.id, this));
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
    const mine = this.memberships.get(endpoint.container);
    mine?.delete(id);
    if (mine?.size === 0) this.memberships.delete(endpoint.container);
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
   * Addresses of all who bear the name on one of the networks that the one who asks is on, in another
   * order each time; undefined when nobody does. `client` is the address that asks.
   */
  find(name: string, client: string): readonly Address[] | undefined {
    const asking = this.byAddress.get(client);
    const found = this.holdersOf(name, asking);
    if (found !== undefined || asking === undefined) return found;
    const elsewhere = this.memberships.get(this.endpoints.get(asking)?.container ?? "") ?? [];
    for (const [endpoint, table] of elsewhere) {
      const other = table === this ? undefined : table.holdersOf(name, endpoint);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  /** Servers that the client's other questions go to; none for the host's own. */
  nameserversOf(client: string): readonly string[] {
    return this.endpoints.get(this.byAddress.get(client) ?? "")?.nameservers ?? [];
  }

  private holdersOf(name: string, asking: ObjectId | undefined): readonly Address[] | undefined {
    const suffix = `.${keyOf(this.network)}`;
    const key = keyOf(name);
    const holders =
      this.byName.get(key) ??
      this.linked(key, asking) ??
      (key.endsWith(suffix) ? this.byName.get(key.slice(0, -suffix.length)) : undefined);
    if (holders === undefined) return undefined;
    const found = [...holders]
      .map((id) => this.endpoints.get(id))
      .filter((one) => one !== undefined);
    this.turn = (this.turn + 1) % 0x10000;
    const start = this.turn % Math.max(found.length, 1);
    return [...found.slice(start), ...found.slice(0, start)].flatMap((one) => one.addresses);
  }

  /** First name of the endpoint with that address, with the network's after it. */
  nameOf(addressText: string): string | undefined {
    const address = parseAddress(addressText);
    if (address === undefined) return undefined;
    const id = this.byAddress.get(formatAddress(address));
    const name = this.endpoints.get(id ?? "")?.names[0];
    return name === undefined ? undefined : `${name}.${this.network}`;
  }

  private linked(key: string, asking: ObjectId | undefined): ReadonlySet<ObjectId> | undefined {
    const links = this.endpoints.get(asking ?? "")?.links ?? [];
    for (const link of links) {
      const [target = "", alias = target] = link.split(":");
      if (keyOf(alias) === key) return this.byName.get(keyOf(target));
    }
    return undefined;
  }
}

function keyOf(name: string): string {
  return name.toLowerCase();
}
