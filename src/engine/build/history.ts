import type { PlannedStep } from "../../domain/build/plan.ts";
import type { ImageHistory } from "../../domain/image.ts";

/** A line of an image's history; null where its time follows from its neighbours'. */
export interface StepHistory extends Omit<ImageHistory, "created"> {
  /** Milliseconds since the epoch. */
  readonly created: number | null;
}

/** `history` with the step's line, where it leaves one. */
export function withStep(
  history: readonly StepHistory[],
  step: PlannedStep,
  created: number | null,
): readonly StepHistory[] {
  if (step.history === null) return history;
  const { createdBy, comment } = step.history;
  const emptyLayer = step.operation === null;
  return [...history, { createdBy, comment, author: "", created, emptyLayer }];
}

/**
 * Fills in the times that steps without a layer have not: that of the next new layer, or of the last before, as
 * BuildKit does (exporter/containerimage, normalizeLayersAndHistory). `epoch` in seconds is the latest of all.
 */
export function datedHistory(
  base: readonly ImageHistory[],
  steps: readonly StepHistory[],
  epoch: number | null,
): readonly ImageHistory[] {
  const latest = epoch === null ? null : epoch * 1_000;
  const times = steps.map(({ created }) =>
    created !== null && latest !== null ? Math.min(created, latest) : created,
  );
  const last = base.findLast(({ created }) => created !== "")?.created;
  const first = times.find((time) => time !== null);
  let current = first === undefined || first === null ? (last ?? now(latest)) : iso(first);
  const dated = steps.map((step, index): ImageHistory => {
    const time = times[index] ?? null;
    if (time !== null) current = iso(time);
    return { ...step, created: current };
  });
  return [...base, ...dated];
}

function now(latest: number | null): string {
  return iso(latest ?? Date.now());
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
