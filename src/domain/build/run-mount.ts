import { parseGoBoolean } from "../../kit/go-boolean.ts";
import { parseByteSize } from "../../kit/byte-size.ts";
import { InstructionFault, quoted } from "./dockerfile-error.ts";
import { didYouMean } from "./suggest.ts";

/** `RUN --mount=...` as it is written: what is not given is null. */
export interface WrittenMount {
  readonly type: MountType;
  readonly from: string;
  readonly source: string;
  readonly target: string;
  readonly id: string;
  readonly variable: string | null;
  readonly readonly: boolean;
  readonly required: boolean;
  readonly sharing: "shared" | "private" | "locked" | null;
  /** Bytes; 0 where not given. */
  readonly size: number;
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

type MountType = "bind" | "cache" | "tmpfs" | "secret" | "ssh";
type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const mountTypes: readonly string[] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const sharings: readonly string[] = ["shared", "private", "locked"];
const keys = [
  "type",
  "from",
  "source",
  "target",
  "readonly",
  "id",
  "sharing",
  "required",
  "size",
  "mode",
  "uid",
  "gid",
  "src",
  "dst",
  "destination",
  "ro",
  "rw",
  "readwrite",
  "env",
];

/** What can be said of a mount before its variables are known: `from` may have none. */
export function checkMount(text: string): void {
  for (const field of csvFields(text)) {
    const { key, value } = keyOf(field);
    if (key === "from" && value !== null && /\$./s.test(value)) {
      throw new InstructionFault(
        `'from' doesn't support variable expansion, define alias stage instead`,
      );
    }
  }
}

/** The `from` of a mount, "" where it has none, and what else can be said before its variables are known. */
export function mountFrom(text: string): {
  readonly type: string;
  readonly from: string;
  readonly target: string;
} {
  let from = "";
  let target = "";
  let type = "bind";
  for (const field of csvFields(text)) {
    const { key, value } = keyOf(field);
    if (key === "from") from = value ?? "";
    if (key === "type") type = (value ?? "").toLowerCase();
    if (["target", "dst", "destination"].includes(key)) target = value ?? "";
  }
  return { type, from, target };
}

/** Reads a mount, each value expanded. Throws InstructionFault with BuildKit's messages. */
export function readMount(text: string, expandWord: (word: string) => string): WrittenMount {
  const mount: Mutable<WrittenMount> & { access: boolean | null } = {
    type: "bind",
    from: "",
    source: "",
    target: "",
    id: "",
    variable: null,
    readonly: false,
    required: false,
    sharing: null,
    size: 0,
    mode: null,
    uid: null,
    gid: null,
    access: null,
  };
  for (const field of csvFields(text)) {
    const { key, value } = keyOf(field);
    if (value === null) setWord(mount, key, field);
    else setValue(mount, { key, value: expandWord(value), field });
  }
  const { access, ...rest } = mount;
  const writable = mount.type === "cache" || mount.type === "tmpfs";
  const whole = { ...rest, readonly: access ?? !writable };
  validate(whole);
  return whole;
}

type Reading = Mutable<WrittenMount> & { access: boolean | null };

function keyOf(field: string): { readonly key: string; readonly value: string | null } {
  const at = field.indexOf("=");
  if (at < 0) return { key: field.toLowerCase(), value: null };
  return { key: field.slice(0, at).toLowerCase(), value: field.slice(at + 1) };
}

function setWord(mount: Reading, key: string, field: string): void {
  if (key === "readonly" || key === "ro") mount.access = true;
  else if (key === "readwrite" || key === "rw") mount.access = false;
  else if (key === "required") {
    onlyFor(mount, key, ["secret", "ssh"]);
    mount.required = true;
  } else throw new InstructionFault(`invalid field '${field}' must be a key=value pair`);
}

interface Field {
  readonly key: string;
  readonly value: string;
  readonly field: string;
}

type Setter = (mount: Reading, field: Field) => void;

const setSource: Setter = (mount, { value }) => {
  mount.source = value;
};
const setTarget: Setter = (mount, { value }) => {
  mount.target = value;
};
const setReadonly: Setter = (mount, { key, value }) => {
  mount.access = booleanOf(key, value);
};
const setWritable: Setter = (mount, { key, value }) => {
  mount.access = !booleanOf(key, value);
};

const setters: Readonly<Record<string, Setter>> = {
  type: (mount, { value }) => {
    const type = value.toLowerCase();
    if (!mountTypes.includes(type)) {
      const hint = didYouMean(value, mountTypes, true);
      throw new InstructionFault(`unsupported mount type ${quoted(value)}${hint}`);
    }
    mount.type = type as MountType;
  },
  from: (mount, { value }) => {
    mount.from = value;
  },
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadonly,
  ro: setReadonly,
  readwrite: setWritable,
  rw: setWritable,
  required: (mount, { key, value }) => {
    onlyFor(mount, key, ["secret", "ssh"]);
    mount.required = booleanOf(key, value);
  },
  size: (mount, { key, value }) => {
    onlyFor(mount, key, ["tmpfs"]);
    mount.size = bytesOf(key, value);
  },
  id: (mount, { value }) => {
    mount.id = value;
  },
  sharing: (mount, { value }) => {
    const sharing = value.toLowerCase();
    if (!sharings.includes(sharing)) {
      const hint = didYouMean(value, sharings, true);
      throw new InstructionFault(`unsupported sharing value ${quoted(value)}${hint}`);
    }
    mount.sharing = sharing as "shared" | "private" | "locked";
  },
  mode: (mount, { value }) => {
    mount.mode = numberOf("mode", value, 8);
  },
  uid: (mount, { value }) => {
    mount.uid = numberOf("uid", value, 10);
  },
  gid: (mount, { value }) => {
    mount.gid = numberOf("gid", value, 10);
  },
  env: (mount, { key, value }) => {
    onlyFor(mount, key, ["secret"]);
    mount.variable = value;
  },
};

function setValue(mount: Reading, field: Field): void {
  const setter = Object.hasOwn(setters, field.key) ? setters[field.key] : undefined;
  if (setter === undefined) {
    const hint = didYouMean(field.key, keys, true);
    throw new InstructionFault(`unexpected key '${field.key}' in '${field.field}'${hint}`);
  }
  setter(mount, field);
}

function onlyFor(mount: Reading, key: string, types: readonly MountType[]): void {
  if (types.includes(mount.type)) return;
  throw new InstructionFault(`unexpected key '${key}' for mount type '${mount.type}'`);
}

function booleanOf(key: string, value: string): boolean {
  const known = parseGoBoolean(value);
  if (known !== undefined) return known;
  throw new InstructionFault(`invalid value for ${key}: ${value}`);
}

function numberOf(key: string, value: string, base: 8 | 10): number {
  const grammar = base === 8 ? /^[0-7]{1,11}$/ : /^\d{1,10}$/;
  const number = grammar.test(value) ? Number.parseInt(value, base) : Number.NaN;
  if (!(number < 2 ** 32)) throw new InstructionFault(`invalid value ${value} for ${key}`);
  return number;
}

function bytesOf(key: string, value: string): number {
  const bytes = parseByteSize(value);
  if (bytes !== undefined) return bytes;
  throw new InstructionFault(`invalid value for ${key}: ${value}`);
}

function validate(mount: WrittenMount): void {
  const hasOwner = ["secret", "ssh", "cache"].includes(mount.type);
  for (const key of ["mode", "uid", "gid"] as const) {
    if (!hasOwner && mount[key] !== null) {
      throw new InstructionFault(`${key} not allowed for ${quoted(mount.type)} type mounts`);
    }
  }
  if (mount.type === "secret") {
    if (mount.from !== "") throw new InstructionFault("secret mount should not have a from");
    if (mount.sharing !== null) {
      throw new InstructionFault("secret mount should not define sharing");
    }
    if (mount.source === "" && mount.target === "" && mount.id === "") {
      throw new InstructionFault("invalid secret mount. one of source, target required");
    }
    if (mount.source !== "" && mount.id !== "") {
      throw new InstructionFault("both source and id can't be set");
    }
  }
  if (mount.sharing !== null && mount.type !== "cache") {
    throw new InstructionFault(`invalid cache sharing set for ${mount.type} mount`);
  }
  if (mount.type === "ssh" && mount.source !== "") {
    throw new InstructionFault("ssh does not support source");
  }
}

/** One record of comma-separated values, as Go's encoding/csv reads it. */
function csvFields(text: string): readonly string[] {
  const found: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const { value, end } = quotedField(text, at);
      found.push(value);
      at = end;
    } else {
      const comma = text.indexOf(",", at);
      const end = comma < 0 ? text.length : comma;
      const value = text.slice(at, end);
      const quote = value.indexOf('"');
      if (quote >= 0) throw badCsv(`bare " in non-quoted-field`, at + quote);
      found.push(value);
      at = end;
    }
    if (at >= text.length) return found;
    at += 1;
  }
}

function quotedField(text: string, from: number): { readonly value: string; readonly end: number } {
  const parts: string[] = [];
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw badCsv(`extraneous or missing " in quoted-field`, text.length);
    parts.push(text.slice(at, quote));
    at = quote + 1;
    if (text[at] === '"') {
      parts.push('"');
      at += 1;
    } else if (at === text.length || text[at] === ",") return { value: parts.join(""), end: at };
    else throw badCsv(`extraneous or missing " in quoted-field`, at - 1);
  }
}

function badCsv(why: string, at: number): InstructionFault {
  const place = `line 1, column ${at + 1}`;
  return new InstructionFault(`failed to parse csv mounts: parse error on ${place}: ${why}`);
}
