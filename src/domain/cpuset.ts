import { DuetError } from "../kit/errors.ts";

/**
 * Refuses processors or memory nodes that a host has not, such as `0-3,7` where it has `0-1`; "" asks for nothing, or
 * is not known. Ranges are compared as ranges: `0-8191` is never expanded. Throws `invalid` RESOURCE_LIMIT.
 */
export function checkAvailable(
  what: "CPUs" | "memory nodes",
  asked: string,
  available: string,
): void {
  if (asked === "" || available === "") return;
  const have = ranges(available);
  if (ranges(asked).every(([low, high]) => covers(have, low, high))) return;
  throw new DuetError(
    "invalid",
    "RESOURCE_LIMIT",
    `Requested ${what} are not available - requested ${asked}, available: ${available}`,
  );
}

function ranges(text: string): [number, number][] {
  return text.split(",").map((part) => {
    const [low = NaN, high = low] = part.split("-").map(Number);
    return [low, high];
  });
}

function covers(have: readonly (readonly [number, number])[], low: number, high: number): boolean {
  let next = low;
  for (const [from, to] of have.toSorted((one, other) => one[0] - other[0])) {
    if (from <= next && to >= next) next = to + 1;
  }
  return next > high;
}
