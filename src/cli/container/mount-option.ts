import { resolve } from "node:path";
import type { MountBody } from "../../client/api-types.ts";
import { usageError } from "../flags.ts";
import { parseBytes } from "../quantities.ts";

export interface Volumes {
  readonly binds: string[];
  /** Anonymous ones: `-v /data`. */
  readonly anonymous: Record<string, object>;
}

/** `-v` words: `source:target[:options]` are binds (relative sources made absolute), a lone target is anonymous. */
export function volumesOf(words: readonly string[]): Volumes {
  const binds: string[] = [];
  const anonymous: Record<string, object> = {};
  for (const word of words) {
    const parts = word.split(":");
    if (parts.length > 3 || parts.some((part) => part === "")) {
      throw usageError(
        "BAD_VOLUME",
        `invalid volume specification: '${word}'`,
        "write source:target[:options]",
      );
    }
    const [source = "", ...rest] = parts;
    if (rest.length === 0) anonymous[source] = {};
    else if (/^\.{1,2}(\/|$)/.test(source)) binds.push([resolve(source), ...rest].join(":"));
    else binds.push(word);
  }
  return { binds, anonymous };
}

/** `--tmpfs /run:size=64m` words. */
export function tmpfsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const colon = word.indexOf(":");
      return colon < 0 ? [word, ""] : [word.slice(0, colon), word.slice(colon + 1)];
    }),
  );
}

type Draft = {
  body: MountBody;
  bind: NonNullable<MountBody["BindOptions"]>;
  volume: NonNullable<MountBody["VolumeOptions"]>;
  labels: Record<string, string>;
  driver: { Name?: string; Options?: Record<string, string> };
  image: NonNullable<MountBody["ImageOptions"]>;
  tmpfs: NonNullable<MountBody["TmpfsOptions"]>;
};

type Setter = (draft: Draft, value: string) => void;

const isTrue = (value: string): boolean => value === "" || value === "true" || value === "1";

function setSource(draft: Draft, value: string): void {
  draft.body.Source = value;
}
function setTarget(draft: Draft, value: string): void {
  draft.body.Target = value;
}
function setReadOnly(draft: Draft, value: string): void {
  draft.body.ReadOnly = isTrue(value);
}

const setters: Readonly<Record<string, Setter>> = {
  type: (draft, value) => void (draft.body.Type = value.toLowerCase()),
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  consistency: (draft, value) => void (draft.body.Consistency = value),
  "bind-propagation": (draft, value) => void (draft.bind.Propagation = value.toLowerCase()),
  "bind-nonrecursive": (draft, value) => void (draft.bind.NonRecursive = isTrue(value)),
  "bind-recursive": setRecursive,
  "volume-nocopy": (draft, value) => void (draft.volume.NoCopy = isTrue(value)),
  "volume-subpath": (draft, value) => void (draft.volume.Subpath = value),
  "volume-label": (draft, value) => setPair(draft.labels, value),
  "volume-driver": (draft, value) => void (draft.driver.Name = value),
  "volume-opt": (draft, value) => setPair((draft.driver.Options ??= {}), value),
  "image-subpath": (draft, value) => void (draft.image.Subpath = value),
  "tmpfs-size": (draft, value) => void (draft.tmpfs.SizeBytes = sizeOf(value)),
  "tmpfs-mode": (draft, value) => void (draft.tmpfs.Mode = modeOf(value)),
};

/** One `--mount` word: comma-separated fields, quoted as CSV. Throws `invalid` for what it does not know. */
export function parseMount(word: string): MountBody {
  const draft: Draft = {
    body: { Type: "volume" },
    bind: {},
    volume: {},
    labels: {},
    driver: {},
    image: {},
    tmpfs: {},
  };
  for (const field of splitCsv(word)) {
    const equals = field.indexOf("=");
    const name = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const setter = Object.hasOwn(setters, name) ? setters[name] : undefined;
    if (setter === undefined) throw badMount(word, `unexpected key '${name}'`);
    setter(draft, equals < 0 ? "" : field.slice(equals + 1));
  }
  return finish(draft, word);
}

function finish(draft: Draft, word: string): MountBody {
  const { body, bind, volume, labels, driver, image, tmpfs } = draft;
  if (body.Target === undefined) throw badMount(word, "target is required");
  if (body.Type === "bind" && body.Source !== undefined && body.Source.startsWith(".")) {
    body.Source = resolve(body.Source);
  }
  if (Object.keys(labels).length > 0) volume.Labels = labels;
  if (Object.keys(driver).length > 0) volume.DriverConfig = driver;
  const options = [
    ["bind", bind, "BindOptions"],
    ["volume", volume, "VolumeOptions"],
    ["image", image, "ImageOptions"],
    ["tmpfs", tmpfs, "TmpfsOptions"],
  ] as const;
  for (const [type, values, key] of options) {
    if (Object.keys(values).length === 0) continue;
    if (body.Type !== type) throw badMount(word, `${type} options go with type=${type}`);
    Object.assign(body, { [key]: values });
  }
  return body;
}

function setRecursive(draft: Draft, value: string): void {
  if (value === "disabled") draft.bind.NonRecursive = true;
  else if (value === "writable") draft.bind.ReadOnlyNonRecursive = true;
  else if (value === "readonly") draft.bind.ReadOnlyForceRecursive = true;
  else if (value !== "enabled")
    throw badMount(`bind-recursive=${value}`, "enabled, disabled, writable or readonly");
}

function setPair(record: Record<string, string>, value: string): void {
  const equals = value.indexOf("=");
  record[equals < 0 ? value : value.slice(0, equals)] = equals < 0 ? "" : value.slice(equals + 1);
}

function sizeOf(value: string): number {
  const bytes = parseBytes(value);
  if (bytes === undefined) throw badMount(`tmpfs-size=${value}`, "not a size");
  return bytes;
}

function modeOf(value: string): number {
  if (!/^[0-7]{1,5}$/.test(value)) throw badMount(`tmpfs-mode=${value}`, "not an octal mode");
  return Number.parseInt(value, 8);
}

function badMount(word: string, why: string): Error {
  return usageError(
    "BAD_MOUNT",
    `invalid argument "${word}" for "--mount" flag: ${why}`,
    "write type=bind,source=/a,target=/b",
  );
}

/** The fields of one CSV line: commas inside "quotes" belong to the field, "" is a quote. */
export function splitCsv(line: string): string[] {
  const fields: string[] = [];
  for (let at = 0; at <= line.length;) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(line.slice(at));
    const comma = line.indexOf(",", at);
    const end = quoted === null ? (comma < 0 ? line.length : comma) : at + quoted[0].length;
    fields.push(quoted === null ? line.slice(at, end) : quoted[1]!.replaceAll('""', '"'));
    at = end + 1;
  }
  return fields;
}
