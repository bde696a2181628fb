import { InstructionFault } from "./dockerfile-error.ts";
import { didYouMean } from "./suggest.ts";

/** The flags that an instruction knows: `text` takes one value, `list` many, `switch` none or a boolean. */
export type FlagKinds = Readonly<Record<string, "text" | "list" | "switch">>;

export interface Flags {
  /** "" where it is not given. */
  text(name: string): string;
  list(name: string): readonly string[];
  /** null where it is not given. */
  switched(name: string): boolean | null;
}

/** Reads flags as BuildKit does. Throws InstructionFault with its messages. */
export function readFlags(given: readonly string[], kinds: FlagKinds): Flags {
  const values = new Map<string, string[]>();
  for (const flag of given) {
    const at = flag.indexOf("=");
    const name = at < 0 ? flag.slice(2) : flag.slice(2, at);
    const value = at < 0 ? null : flag.slice(at + 1);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) {
      const hint = didYouMean(name, Object.keys(kinds), true);
      throw new InstructionFault(`unknown flag: --${name.slice(0, 100)}${hint}`);
    }
    const before = values.get(name) ?? [];
    if (before.length > 0 && kind !== "list") {
      throw new InstructionFault(`duplicate flag specified: --${name}`);
    }
    values.set(name, [...before, valueOf(name, kind, value)]);
  }
  return {
    text: (name) => values.get(name)?.[0] ?? "",
    list: (name) => values.get(name) ?? [],
    switched: (name) => {
      const value = values.get(name)?.[0];
      return value === undefined ? null : value === "true";
    },
  };
}

function valueOf(name: string, kind: "text" | "list" | "switch", value: string | null): string {
  if (kind !== "switch") {
    if (value === null) throw new InstructionFault(`missing a value on flag: --${name}`);
    return value;
  }
  if (value === null) return "true";
  if (value === "") throw new InstructionFault(`missing a value on flag: --${name}`);
  const lower = value.toLowerCase();
  if (lower !== "true" && lower !== "false") {
    throw new InstructionFault(
      `expecting boolean value for flag --${name}, not: ${value.slice(0, 100)}`,
    );
  }
  return lower;
}
