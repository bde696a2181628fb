import type {
  ModuleDescription,
  ObjectDescription,
  OperationDescription,
  TypeDescription,
} from "../../src/spec/docker/description/form.ts";
import { parseField, type Field, type FieldType } from "./notation.ts";

/** Finds the types of a description by their names. */
export class Catalogue {
  readonly modules: Readonly<Record<string, ModuleDescription>>;
  private readonly homes = new Map<string, string>();

  /** Throws where two modules have a type of the same name. */
  constructor(modules: Readonly<Record<string, ModuleDescription>>) {
    this.modules = modules;
    for (const [module, types] of Object.entries(modules)) {
      for (const name of Object.keys(types)) {
        if (this.homes.has(name)) throw new Error(`the type ${name} is described twice`);
        this.homes.set(name, module);
      }
    }
  }

  /** The module that has a type. Throws where none has. */
  homeOf(name: string): string {
    const home = this.homes.get(name);
    if (home === undefined) throw new Error(`no type ${name} is described`);
    return home;
  }

  get(name: string): TypeDescription {
    return this.modules[this.homeOf(name)]![name]!;
  }

  /** All fields of an object, the inherited ones first. */
  fieldsOf(description: ObjectDescription): Map<string, Field> {
    const inherited = description.extends === undefined ? null : this.get(description.extends);
    const fields =
      inherited !== null && "fields" in inherited ? this.fieldsOf(inherited) : new Map();
    for (const [name, text] of Object.entries(description.fields)) {
      fields.set(name, parseField(text));
    }
    return fields;
  }

  /** Whether other types have its fields, too. */
  isExtended(name: string): boolean {
    return Object.values(this.modules)
      .flatMap((types) => Object.values(types))
      .some((description) => "extends" in description && description.extends === name);
  }

  /** The names that a type needs, itself first and in no other order. */
  reachable(names: readonly string[]): Set<string> {
    const found = new Set<string>();
    const follow = (name: string): void => {
      if (found.has(name)) return;
      found.add(name);
      for (const next of this.namedIn(name)) follow(next);
    };
    for (const name of names) follow(name);
    return found;
  }

  /** The names that a description mentions directly. */
  namedIn(name: string): readonly string[] {
    const description = this.get(name);
    const types =
      "is" in description
        ? [parseField(description.is).type]
        : Object.values(description.fields).map((text) => parseField(text).type);
    const parent = "extends" in description ? description.extends : undefined;
    return [...(parent === undefined ? [] : [parent]), ...types.flatMap(namesOf)];
  }
}

/** The types of the bodies that requests bring. */
export function bodiesOf(operations: readonly OperationDescription[]): readonly string[] {
  return [...new Set(operations.flatMap(({ body }) => body ?? []))];
}

function namesOf(type: FieldType): readonly string[] {
  if (type.kind === "named") return [type.name];
  return "of" in type ? namesOf(type.of) : [];
}
