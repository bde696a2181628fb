import { Duet } from "../../client/duet.ts";
import type { Command, Context } from "../command.ts";
import type { CompletionKind, FlagSpec } from "../flags.ts";
import { findEntry, globalFlags } from "../help.ts";
import { commandTable } from "../table.ts";

/**
 * Candidates for the last of `words` (the line after `duet`, up to the cursor): commands, flags,
 * values of flags, names of objects. Never starts a daemon and never fails: no daemon, no names.
 */
export async function completeLine(
  words: readonly string[],
  context: Context,
): Promise<readonly string[]> {
  const line = words[0] === "--" ? words.slice(1) : words;
  const current = line.at(-1) ?? "";
  const before = skipGlobals(line.slice(0, -1));
  const found = findEntry(before);
  if (found === undefined)
    return filter([...commandNames(before), ...flagNames(globalFlags)], current);
  const { command } = await found.entry.load();
  const rest = before.slice(found.used);
  const pending = pendingFlag(command, rest.at(-1));
  if (pending !== undefined) return filter(await values(pending.completes, context), current);
  const assigned = /^(--[a-z0-9-]+)=(.*)$/.exec(current);
  if (assigned !== null) {
    const flag = command.flags.find((spec) => `--${spec.name}` === assigned[1]);
    const candidates = await values(flag?.completes, context);
    return filter(
      candidates.map((value) => `${assigned[1]}=${value}`),
      current,
    );
  }
  if (current.startsWith("-")) return filter(flagNames(command.flags), current);
  return filter(await values(positionalKind(command, rest), context), current);
}

function filter(candidates: readonly string[], current: string): string[] {
  return candidates
    .filter((candidate) => candidate.startsWith(":") || candidate.startsWith(current))
    .toSorted();
}

/** The line without global flags and their values. */
function skipGlobals(words: readonly string[]): string[] {
  const rest = [...words];
  while (rest[0]?.startsWith("-") === true) {
    const flag = rest.shift()!;
    const spec = globalFlags.find((one) => `--${one.name}` === flag || `-${one.short}` === flag);
    if (spec !== undefined && spec.kind !== "boolean") rest.shift();
  }
  return rest;
}

function commandNames(before: readonly string[]): string[] {
  const names = commandTable.flatMap((entry) => entry.names);
  if (before.length === 0) return [...new Set(names.map((name) => name.split(" ")[0]!))];
  const prefix = `${before.join(" ")} `;
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

function flagNames(flags: readonly FlagSpec[]): string[] {
  return flags.filter((flag) => flag.hidden !== true).map((flag) => `--${flag.name}`);
}

/** The flag that the word before the cursor left without its value. */
function pendingFlag(command: Command, word: string | undefined): FlagSpec | undefined {
  if (word === undefined || !word.startsWith("-") || word.includes("=")) return undefined;
  const flag = word.startsWith("--")
    ? command.flags.find((spec) => `--${spec.name}` === word)
    : command.flags.find((spec) => spec.short === word.at(-1));
  return flag?.kind === "boolean" ? undefined : flag;
}

/** The kind of the next positional word; the last one declared repeats. */
function positionalKind(command: Command, rest: readonly string[]): CompletionKind | undefined {
  let count = 0;
  for (let at = 0; at < rest.length; at += 1) {
    if (!rest[at]!.startsWith("-")) count += 1;
    else if (pendingFlag(command, rest[at]) !== undefined) at += 1;
  }
  const kinds = command.completes ?? [];
  if (command.stopsAtPositional === true && count >= Math.max(1, kinds.length)) return undefined;
  return kinds[Math.min(count, kinds.length - 1)];
}

async function values(
  kind: CompletionKind | undefined,
  context: Context,
): Promise<readonly string[]> {
  if (kind === undefined) return [];
  if (typeof kind !== "string") return kind;
  if (kind === "files" || kind === "folders") return [`:${kind}`];
  try {
    const { host, dataRoot, runFolder, configFile, certificates } = context.global;
    const place = { host, dataRoot, runFolder, configFile, certificates };
    await using duet = new Duet({ ...place, start: false });
    return await objectNames(kind, duet);
  } catch {
    return [];
  }
}

async function objectNames(
  kind: "containers" | "running-containers" | "images" | "networks" | "volumes",
  duet: Duet,
): Promise<readonly string[]> {
  switch (kind) {
    case "images":
      return (await duet.images.list()).flatMap((image) => image.RepoTags ?? []);
    case "networks":
      return (await duet.networks.list()).map((network) => network.Name);
    case "volumes":
      return (await duet.volumes.list()).map((volume) => volume.Name);
    default: {
      const list = await duet.containers.list({ all: kind === "containers" });
      return list.flatMap((container) => container.Names.map((name) => name.replace(/^\//, "")));
    }
  }
}
