import { familiarReference, parseReference } from "../reference.ts";
import { InstructionFault, quoted } from "./dockerfile-error.ts";
import type { FilesFrom } from "./operation.ts";
import type { PlanOptions } from "./plan.ts";

/** The named context that stands for an image of that name, as `--build-context` gives it; or undefined. */
export function contextFor(reference: string, options: PlanOptions): string | undefined {
  const folded = reference.toLowerCase();
  if (options.contexts.size === 0 || folded === "scratch" || folded === "context") return undefined;
  if (options.contexts.has(reference)) return reference;
  const familiar = familiarName(reference);
  return familiar !== undefined && options.contexts.has(familiar) ? familiar : undefined;
}

function familiarName(reference: string): string | undefined {
  try {
    return familiarReference(parseReference(reference)).replace(/:latest$/, "");
  } catch {
    return undefined;
  }
}

/** Throws InstructionFault where a name can be no image's. */
export function checkImageName(name: string): void {
  try {
    parseReference(name);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InstructionFault(`failed to parse stage name ${quoted(name)}: ${why}`);
  }
}

/** Where `--from=name` takes files from; `stages` are the indexes of stages by name. */
export function filesFrom(
  name: string,
  stages: ReadonlyMap<string, number>,
  options: PlanOptions,
): FilesFrom {
  const index = stages.get(name.toLowerCase());
  if (index !== undefined) return { kind: "stage", index };
  const context = contextFor(name, options);
  if (context !== undefined) return { kind: "context", name: context };
  if (name === "scratch") return { kind: "scratch" };
  return { kind: "image", reference: name };
}

/** Indexes of stages by name; of two of the same name the later one. */
export function stageIndexes(
  stages: readonly { readonly name: string | null }[],
): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const [index, stage] of stages.entries()) {
    if (stage.name !== null) indexes.set(stage.name, index);
  }
  return indexes;
}
