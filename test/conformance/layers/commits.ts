import { readSaved } from "../builds/saved-image.ts";
import { commitDecisions } from "./decided.ts";
import { treeDifferences } from "./compare.ts";
import { asked, failureIn, treeOf, type Players, type Unpacker } from "./engines.ts";
import { membersOf } from "./members.ts";
import { scriptOf, type ChangeCase } from "./script.ts";
import type { Facts, Tree, Walker } from "./trees.ts";

/** What an engine says of a container's changes, and what it made of them. */
interface Committed {
  /** As `docker diff`, by path. */
  readonly changes: Tree;
  /** The members of the new layer. */
  readonly layer: Tree;
  readonly exported: Tree;
  readonly tree: Tree;
  readonly id: string;
  readonly archive: Buffer;
}

const kinds = ["modified", "added", "deleted"];

/** Does the same in containers of both, commits them, and sends each one's images to the other. */
export async function committedByBoth(
  players: Players,
  walker: Walker,
  { rounds }: ChangeCase,
  isVm: boolean,
): Promise<{ readonly lines: readonly string[]; readonly isRefused: boolean }> {
  const { docker, duet } = players;
  const lines: string[] = [];
  let isRefused = false;
  try {
    let base = "busybox";
    for (const [index, commands] of rounds.entries()) {
      const name = `round-${index}`;
      const work = { base, name, script: scriptOf(commands) };
      const [theirs, own] = await Promise.all([
        committed(docker, walker, work),
        committed(duet, walker, work),
      ]);
      if ("failure" in theirs || "failure" in own) {
        isRefused = "failure" in theirs && "failure" in own;
        if (!isRefused) lines.push(`round ${index}: ${told(theirs)} | ${told(own)}`);
        break;
      }
      for (const part of ["changes", "layer", "exported", "tree"] as const)
        for (const line of treeDifferences(theirs[part], own[part]))
          if (!isMeant(part, line, isVm)) lines.push(`round ${index}: ${part}: ${line}`);
      base = name;
      if (index < rounds.length - 1) continue;
      lines.push(...(await exchanged(players, walker, duet, docker, { ...own, name })));
      lines.push(...(await exchanged(players, walker, docker, duet, { ...theirs, name })));
    }
  } finally {
    for (const engine of [docker, duet])
      for (const index of [...rounds.keys()].toReversed())
        await asked(engine, "DELETE", `/images/round-${index}?force=1`).catch(() => undefined);
  }
  return { lines, isRefused };
}

function isMeant(part: string, line: string, isVm: boolean): boolean {
  return commitDecisions.some((one) => one.holds(part, line, isVm));
}

interface Work {
  readonly base: string;
  readonly name: string;
  readonly script: string;
}

interface Failed {
  readonly failure: string;
}

function told(outcome: Committed | Failed): string {
  return "failure" in outcome ? outcome.failure : "works";
}

async function committed(
  engine: Unpacker,
  walker: Walker,
  work: Work,
): Promise<Committed | Failed> {
  const body = {
    Image: work.base,
    Cmd: ["sh", "-c", work.script],
    HostConfig: { NetworkMode: "none" },
  };
  const { Id } = parsed<{ Id: string }>(await asked(engine, "POST", "/containers/create", body));
  try {
    await asked(engine, "POST", `/containers/${Id}/start`);
    await asked(engine, "POST", `/containers/${Id}/wait`);
    const changes = parsed<readonly { Path: string; Kind: number }[] | null>(
      await asked(engine, "GET", `/containers/${Id}/changes`),
    );
    const exported = await membersOf(await asked(engine, "GET", `/containers/${Id}/export`));
    await asked(engine, "POST", `/commit?container=${Id}&repo=${work.name}`);
    const archive = await asked(engine, "GET", `/images/${work.name}/get`);
    const { layers } = await readSaved(archive);
    return {
      changes: Object.fromEntries(
        (changes ?? []).map(({ Path, Kind }): [string, Facts] => [Path, { kind: kinds[Kind] }]),
      ),
      layer: await membersOf(layers.at(-1)!),
      exported,
      archive,
      ...(await treeOf(engine, walker, work.name)),
    };
  } catch (error) {
    return { failure: String(error) };
  } finally {
    await asked(engine, "DELETE", `/containers/${Id}?force=1`);
  }
}

/** By archive and by registry: what comes out is what went in. */
async function exchanged(
  { registry }: Players,
  walker: Walker,
  from: Unpacker,
  to: Unpacker,
  image: Committed & { readonly name: string },
): Promise<string[]> {
  const lines: string[] = [];
  const way = `${from.name} to ${to.name}`;
  const compare = async (how: string, name: string): Promise<void> => {
    const { id, tree } = await treeOf(to, walker, name);
    if (id !== image.id) lines.push(`${way} by ${how}: id ${image.id} | ${id}`);
    for (const line of treeDifferences(image.tree, tree)) lines.push(`${way} by ${how}: ${line}`);
    await asked(to, "DELETE", `/images/${name}?force=1`);
  };
  const moved = `moved-${from.name.replace(/\W/g, "")}`;
  await asked(from, "POST", `/images/${image.name}/tag?repo=${moved}`);
  const archive = await asked(from, "GET", `/images/${moved}/get`);
  const loaded = failureIn((await asked(to, "POST", "/images/load?quiet=1", archive)).toString());
  if (loaded === undefined) await compare("archive", moved);
  else lines.push(`${way} by archive: ${loaded}`);
  const remote = `${registry}/fuzz/${moved}`;
  await asked(from, "POST", `/images/${image.name}/tag?repo=${remote}`);
  const pushed = failureIn(
    (await asked(from, "POST", `/images/${remote}/push?tag=latest`)).toString(),
  );
  const source = `/images/create?fromImage=${remote}&tag=latest`;
  const pulled = pushed ?? failureIn((await asked(to, "POST", source)).toString());
  if (pulled === undefined) await compare("registry", `${remote}:latest`);
  else lines.push(`${way} by registry: ${pulled}`);
  for (const name of [moved, `${remote}:latest`]) await asked(from, "DELETE", `/images/${name}`);
  return lines;
}

function parsed<T>(bytes: Buffer): T {
  return JSON.parse(bytes.toString()) as T;
}
