import { tarEnd, tarHeader, tarPadding } from "../../../src/kit/tar/writer.ts";
import { ask, type Answer } from "./exchange.ts";
import { readAnswer, type Json } from "./reading.ts";
import type { Scenario, Step } from "./scenario.ts";

/** A daemon that scenarios are played against. */
export interface Engine {
  /** Such as `docker 20.10.24`. */
  readonly name: string;
  readonly socket: string;
  /** Folders of the daemon that may show in answers. */
  readonly folder: string;
  /** Awaited after each answer, where what was asked for is not there at once. */
  readonly settle?: (request: string) => Promise<void>;
}

/** What a step gave, with all that differs by chance replaced. */
export interface Played {
  /** Number and request of the step, as the scenario has it. */
  readonly step: string;
  readonly answer: Json;
  readonly isOfHost: boolean;
}

type Names = Map<string, string>;

/** The address in `--add-host` that stands for the machine of the daemon. */
const dockersHost = "host-gateway";

/** Plays a scenario in one version of the API. Never fails: what goes wrong is an answer too. */
export async function play(engine: Engine, scenario: Scenario, version: string): Promise<Played[]> {
  const names: Names = new Map([
    ["start", seconds()],
    ["dockersHost", dockersHost],
  ]);
  const behind = new Map<string, { step: Step; label: string; answer: Promise<Answer> }>();
  const played: Played[] = [];
  const keep = async (step: Step, label: string, answer: Answer): Promise<void> => {
    const read = await readAnswer(answer, step);
    for (const [name, place] of Object.entries(step.capture ?? {})) {
      const value = valueAt(read, place);
      if (typeof value === "string" || typeof value === "number") names.set(name, String(value));
    }
    const shown = named(read, names, engine);
    const isOfHost = step.isOfHost === true;
    played.push({ step: label, answer: step.unordered === true ? sorted(shown) : shown, isOfHost });
  };
  for (const [index, step] of scenario.steps.entries()) {
    if ("join" in step) {
      const left = behind.get(step.join);
      if (left !== undefined) await keep(left.step, left.label, await left.answer);
      continue;
    }
    const label = labelOf(step, index);
    const asked = ask(question(engine, step, version, names));
    if (step.behind === undefined) {
      const again = async (): Promise<Answer> =>
        await ask(question(engine, step, version, names)).answer;
      await keep(step, label, await settled(await asked.answer, step, version, again));
      await engine.settle?.(step.request);
    } else {
      behind.set(step.behind, { step, label, answer: asked.answer });
      await asked.head;
    }
  }
  await Promise.all([...behind.values()].map(({ answer }) => answer));
  return played;
}

const settleMilliseconds = 60_000;

/** Docker tells of what it has done before it is to be seen everywhere. */
async function settled(
  first: Answer,
  step: Step,
  version: string,
  again: () => Promise<Answer>,
): Promise<Answer> {
  const until = step.until?.findLast(({ since = version }) => !isBefore(version, since));
  if (until === undefined) return first;
  const end = Date.now() + settleMilliseconds;
  let answer = first;
  while (valueAt(await readAnswer(answer, step), until.place) !== until.is && Date.now() < end) {
    answer = await again();
  }
  return answer;
}

function isBefore(version: string, other: string): boolean {
  const minor = (text: string): number => Number(text.split(".")[1]);
  return minor(version) < minor(other);
}

/** Number, request and body, by which differences are found again. */
function labelOf({ request, body, files }: Step, index: number): string {
  const given = body ?? files;
  const text = typeof given === "string" ? given : given === undefined ? "" : JSON.stringify(given);
  return `${index + 1} ${request}${text === "" ? "" : ` ${text.slice(0, 200)}`}`;
}

function question(
  engine: Engine,
  step: Step,
  version: string,
  names: Names,
): Parameters<typeof ask>[0] {
  const fill = (text: string): string =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) =>
      name === "now" ? keptNow(names) : (names.get(name) ?? whole),
    );
  const [method = "", ...rest] = step.request.split(" ");
  const asked = step.version === undefined ? version : step.version;
  const path = `${asked === null ? "" : `/v${asked}`}${fill(rest.join(" "))}`;
  const body = bodyOf(step, fill);
  return {
    socket: engine.socket,
    method,
    path,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": body.type }),
      ...step.headers,
    },
    ...(body === undefined ? {} : { body: body.bytes }),
    ...(step.input === undefined ? {} : { input: step.input }),
    ...(step.lines === undefined ? {} : { lines: step.lines }),
  };
}

function bodyOf(
  { body, files }: Step,
  fill: (text: string) => string,
): { readonly type: string; readonly bytes: Buffer } | undefined {
  if (files !== undefined) return { type: "application/x-tar", bytes: tarOf(files) };
  if (body === undefined) return undefined;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { type: "application/json", bytes: Buffer.from(fill(text)) };
}

function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const members = Object.entries(files).map(([name, text]) => {
    const content = Buffer.from(text);
    const size = content.length;
    const header = tarHeader({ kind: "file", name: Buffer.from(name), mode: 0o644, size });
    return Buffer.concat([header, content, tarPadding(size)]);
  });
  return Buffer.concat([...members, tarEnd]);
}

/** Docker publishes some events only after it has answered. */
const eventMilliseconds = 300;

function keptNow(names: Names): string {
  const now = seconds(eventMilliseconds);
  names.set("end", now);
  return now;
}

function seconds(after = 0): string {
  return ((Date.now() + after) / 1000).toFixed(3);
}

function valueAt(answer: Json, place: string): Json | undefined {
  let value = (answer as { readonly [key: string]: Json })["body"];
  for (const key of place.split(".")) {
    if (value === null || typeof value !== "object") return undefined;
    value = (value as { readonly [key: string]: Json })[key];
  }
  return value;
}

/** Puts the names of captured values, and of the daemon's folder, where these stand. */
function named(value: Json, names: Names, engine: Engine): Json {
  const replacements: [found: string, name: string][] = [[engine.folder, "<folder>"]];
  for (const [name, text] of names) {
    if (text.length < 8 || name === "start" || name === "end") continue;
    replacements.push([text, `{{${name}}}`]);
    if (/^[0-9a-f]{64}$/.test(text)) replacements.push([text.slice(0, 12), `{{${name}:12}}`]);
  }
  replacements.sort(([left], [right]) => right.length - left.length);
  const inText = (text: string): string =>
    replacements.reduce((rest, [found, name]) => rest.replaceAll(found, name), text);
  const walk = (part: Json): Json => {
    if (typeof part === "string") return inText(part);
    if (part === null || typeof part !== "object") return part;
    if (Array.isArray(part)) return part.map(walk);
    return Object.fromEntries(Object.entries(part).map(([key, one]) => [inText(key), walk(one)]));
  };
  return walk(value);
}

function sorted(answer: Json): Json {
  const { body, ...rest } = answer as { readonly [key: string]: Json };
  if (body === undefined) return rest;
  return { ...rest, body: Array.isArray(body) ? body.toSorted(byText) : body };
}

export function byText(left: Json, right: Json): number {
  return orderOf(left) < orderOf(right) ? -1 : 1;
}

/** Daemons write an object's keys in different orders. */
function orderOf(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const name = ["RepoTags", "Name", "Path"].find((key) => key in value);
  if (name !== undefined)
    return JSON.stringify(Object.entries(value).find(([key]) => key === name));
  return JSON.stringify(
    Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
}
