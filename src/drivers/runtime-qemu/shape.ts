import type { ResourceLimits } from "../../domain/limits.ts";

/** What a template is made for; more or fewer makes another template. */
export interface Shape {
  /** Bytes of guest memory. */
  readonly memory: number;
  readonly processors: number;
}

const mebibyte = 1 << 20;
/** What the guest's kernel and agent need beside the workload. */
const overhead = 96 * mebibyte;
const step = 256 * mebibyte;

/** Unless asked for more: most workloads fit, and untouched memory costs nothing. */
export const defaultShape: Shape = { memory: 512 * mebibyte, processors: 1 };

/**
 * The smallest shape that holds these limits. Memory is in steps, so that few templates serve many
 * workloads; the exact limit is set inside the guest and on QEMU's cgroup.
 */
export function shapeFor(resources: Pick<ResourceLimits, "memory" | "nanoCpus">): Shape {
  const wanted = Math.ceil((resources.memory + overhead) / step) * step;
  const memory = resources.memory > 0 ? Math.max(wanted, defaultShape.memory) : defaultShape.memory;
  return { memory, processors: Math.max(1, Math.ceil(resources.nanoCpus / 1e9)) };
}

export function sameShape(left: Shape, right: Shape): boolean {
  return left.memory === right.memory && left.processors === right.processors;
}
