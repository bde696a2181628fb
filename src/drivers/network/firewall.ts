import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import {
  attribute,
  attributesOf,
  flag,
  message,
  nest,
  text,
  textOf,
  type Message,
} from "../../kit/netlink/message.ts";
import { listenNetlink, NetlinkSocket, protocol, type Refusal } from "../../kit/netlink/socket.ts";
import { errnoName } from "../../kit/syscalls.ts";
import { run } from "../../kit/subprocess.ts";
import type { Element } from "./elements.ts";
import { baseRuleset, families, ruleCount, setNames, versionMarker } from "./ruleset.ts";

const subsystem = 10;
const command = { getRule: 7, getSet: 10, newElement: 12, deleteElement: 14 } as const;
/** Tables, chains, rules and sets that come or go; elements do not count. */
const structural: ReadonlySet<number> = new Set([0, 2, 3, 5, 6, 8, 11]);
const batchBegin = 16;
const batchEnd = 17;
const nftablesGroup = 1 << 6;
const familyNumbers = { inet: 1, bridge: 7 } as const;
/** Elements of one message: an attribute holds less than 64 KiB. */
const elementsPerMessage = 400;
const messagesPerTransaction = 400;

function header(family: number, resource = 0): Buffer {
  return Buffer.of(family, 0, resource >> 8, resource & 255);
}

/**
 * Our tables in the kernel, and what belongs into them. Elements go in and out over nfnetlink, one
 * transaction for one change, in well under a millisecond; only the rules themselves come from nft.
 * When somebody takes our rules away (flush, reload of another firewall) they are put back at once.
 */
export class Firewall {
  private readonly table: string;
  private readonly folder: string;
  private readonly log: Log;
  private readonly socket = new NetlinkSocket(protocol.netfilter);
  private readonly wanted = new Map<string, Element>();
  private readonly watcher: { close(): void };
  private rebuilding: Promise<void> | undefined;
  private closed = false;
  private paused = false;
  /** Called after other tables changed, for those who have to live beside them. */
  onForeignChange: () => void = () => undefined;

  constructor(options: { readonly table: string; readonly folder: string; readonly log: Log }) {
    this.table = options.table;
    this.folder = options.folder;
    this.log = options.log;
    this.watcher = listenNetlink(protocol.netfilter, nftablesGroup, (messages, lost) =>
      this.noticed(messages, lost),
    );
  }

  /** Adds and removes elements, all or none, and puts the rules back first should they be gone. */
  async change(change: {
    readonly add?: readonly Element[];
    readonly remove?: readonly Element[];
  }): Promise<void> {
    const remove = (change.remove ?? []).filter((one) => this.wanted.delete(keyOf(one)));
    const add = change.add ?? [];
    const before = add.map((one) => this.wanted.get(keyOf(one)));
    for (const one of add) this.wanted.set(keyOf(one), one);
    if (this.paused) return undefined;
    if (this.rebuilding !== undefined) return this.rebuild();
    const refusals = this.transact([
      ...this.elementMessages(command.deleteElement, remove),
      ...this.elementMessages(command.newElement, add),
    ]);
    if (refusals.length === 0) return undefined;
    try {
      return await this.rebuild();
    } catch (error) {
      add.forEach((one, index) => {
        const old = before[index];
        if (old === undefined) this.wanted.delete(keyOf(one));
        else this.wanted.set(keyOf(one), old);
      });
      throw error;
    }
  }

  /** From here on changes are only noted, until `resume` puts all of them in force in one step. */
  pause(): void {
    this.paused = true;
  }

  async resume(): Promise<void> {
    this.paused = false;
    if (this.wanted.size > 0) await this.rebuild();
  }

  /** Whether there is any table of ours. */
  exists(): boolean {
    return families.some(
      (family) => this.dump(command.getSet, familyNumbers[family], 1).length > 0,
    );
  }

  /** Puts rules and elements back if anything is missing. */
  async verify(): Promise<void> {
    if (!this.isIntact()) await this.rebuild();
  }

  /** Makes the kernel's tables hold exactly what is wanted, leaving rules alone that are right. */
  async rebuild(): Promise<void> {
    const before = this.rebuilding;
    const mine = (async () => {
      await before?.catch(() => undefined);
      if (!this.closed) await this.rebuildNow();
    })();
    this.rebuilding = mine;
    try {
      await mine;
    } finally {
      if (this.rebuilding === mine) this.rebuilding = undefined;
    }
  }

  private async rebuildNow(): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (!this.isIntact()) await this.loadRules();
      const flushes = setNames.map(({ family, set }) =>
        message(
          (subsystem << 8) | command.deleteElement,
          flag.acknowledge,
          header(familyNumbers[family]),
          text(1, this.table),
          text(2, set),
        ),
      );
      const elements = [...this.wanted.values()];
      const refusals = this.transact([
        ...flushes,
        ...this.elementMessages(command.newElement, elements),
      ]);
      const [refusal] = refusals;
      if (refusal === undefined) return;
      if (attempt === 2) throw refused(refusal);
    }
  }

  /** Removes our tables. */
  async remove(signal: AbortSignal): Promise<void> {
    this.wanted.clear();
    await this.nft(
      families
        .map((family) => `table ${family} ${this.table}\ndelete table ${family} ${this.table}\n`)
        .join(""),
      signal,
    );
  }

  /** Stops watching; the tables stay. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watcher.close();
    this.socket.close();
  }

  private async loadRules(): Promise<void> {
    await this.nft(baseRuleset(this.table), AbortSignal.timeout(10_000));
  }

  private async nft(script: string, signal: AbortSignal): Promise<void> {
    const file = join(this.folder, `.nft-${randomBytes(6).toString("hex")}`);
    await writeFile(file, script, { mode: 0o600, flag: "wx" });
    try {
      await run("nft", ["-f", file], { signal });
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Whether all rules of this version are there, read from the kernel. */
  isIntact(): boolean {
    let rules = 0;
    for (const family of families) {
      const number = familyNumbers[family];
      const names = this.dump(command.getSet, number, 1).map((one) => textOf(one.get(2)));
      if (!names.includes(versionMarker)) return false;
      rules += this.dump(command.getRule, number, 1).length;
    }
    return rules === ruleCount;
  }

  private dump(what: number, family: number, tableType: number): Map<number, Buffer>[] {
    const request = message(
      (subsystem << 8) | what,
      flag.dump,
      header(family),
      text(1, this.table),
    );
    try {
      return this.socket
        .dump(request)
        .map((one) => attributesOf(one.body.subarray(4)))
        .filter((one) => textOf(one.get(tableType)) === this.table);
    } catch (error) {
      if (error instanceof DuetError && error.code === "ENOENT") return [];
      throw error;
    }
  }

  private noticed(messages: readonly Message[], lost: boolean): void {
    if (this.closed) return;
    const changes = messages
      .filter((one) => one.type >> 8 === subsystem && structural.has(one.type & 255))
      .map((one) => textOf(attributesOf(one.body.subarray(4)).get(1)));
    if (changes.some((name) => name !== this.table)) this.onForeignChange();
    const touched = lost || changes.includes(this.table);
    if (!touched || this.paused || this.wanted.size === 0 || this.rebuilding !== undefined) return;
    if (this.isIntact()) return;
    this.log.warn("firewall-rules-lost", { table: this.table });
    this.rebuild().catch((error: unknown) => this.log.error("firewall-restore-failed", { error }));
  }

  private elementMessages(what: number, elements: readonly Element[]): Buffer[] {
    const groups = new Map<string, Element[]>();
    for (const one of elements) {
      const name = `${one.family} ${one.set}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [one]);
      else group.push(one);
    }
    return [...groups.values()].flatMap((group) => {
      const slices = Math.ceil(group.length / elementsPerMessage);
      return Array.from({ length: slices }, (_, index) =>
        this.elementMessage(
          what,
          group.slice(index * elementsPerMessage, (index + 1) * elementsPerMessage),
        ),
      );
    });
  }

  private elementMessage(what: number, elements: readonly Element[]): Buffer {
    const [first] = elements;
    const family = familyNumbers[first?.family ?? "inet"];
    const list = elements.map((one) => {
      const data = what === command.newElement ? one.data : undefined;
      return nest(
        1,
        nest(1, attribute(1, one.key)),
        ...(data === undefined ? [] : [nest(2, attribute(1, data))]),
      );
    });
    return message(
      (subsystem << 8) | what,
      flag.acknowledge | (what === command.newElement ? flag.create : 0),
      header(family),
      text(1, this.table),
      text(2, first?.set ?? ""),
      nest(3, ...list),
    );
  }

  private transact(messages: readonly Buffer[]): Refusal[] {
    if (messages.length === 0) return [];
    if (messages.length > messagesPerTransaction) {
      throw new DuetError("exhausted", "TOO_MANY_ELEMENTS", "too many network rules in one step");
    }
    const begin = message(batchBegin, 0, header(0, subsystem));
    const end = message(batchEnd, 0, header(0, subsystem));
    return this.socket.transact([begin, ...messages, end]);
  }
}

function keyOf(element: Element): string {
  return `${element.family} ${element.set} ${element.key.toString("latin1")}`;
}

function refused(refusal: Refusal): DuetError {
  const name = errnoName(refusal.errno);
  return new DuetError("internal", name, `the kernel refused our network rules: ${name}`, {
    hint: "run `duet doctor` to see whether this kernel has nftables with inet and bridge tables",
  });
}
