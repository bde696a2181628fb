import type { Holding } from "./observer.ts";

const mebibyte = 1 << 20;
/** Garbage collection makes memory wave; more than this between two thirds is growth. */
const memoryTolerance = 32 * mebibyte;
/** Shorter than this, how fast the host is decides how many requests are under way at a time. */
const shortest = 20_000;
/** Requests under way hold some. */
const descriptorTolerance = 32;

/** Compares the middle third of an observation with its last: the first warms up. */
export function flatness(holdings: readonly Holding[]): {
  readonly notes: readonly string[];
  readonly broken: readonly string[];
} {
  const third = Math.floor(holdings.length / 3);
  const middle = holdings.slice(third, 2 * third);
  const last = holdings.slice(2 * third);
  const span = (holdings.at(-1)?.at ?? 0) - (holdings[0]?.at ?? 0);
  if (middle.length === 0 || span < shortest)
    return { notes: ["too short to tell growth"], broken: [] };
  const of = (part: readonly Holding[], key: keyof Holding): number =>
    part.map((holding) => holding[key]).toSorted((a, b) => a - b)[part.length >> 1]!;
  const text = (key: "rss" | "shimPrivate"): string =>
    [holdings.slice(0, third), middle, last]
      .map((part) => (of(part, key) / mebibyte).toFixed(0))
      .join(" → ");
  const counts = (key: "descriptors" | "shimDescriptors"): string =>
    [holdings.slice(0, third), middle, last].map((part) => of(part, key)).join(" → ");
  const broken: string[] = [];
  if (of(last, "rss") - of(middle, "rss") > memoryTolerance)
    broken.push("the daemon's memory grows");
  for (const key of ["descriptors", "shimDescriptors"] as const) {
    if (of(last, key) - of(middle, key) > descriptorTolerance) broken.push(`${key} grow`);
  }
  return {
    notes: [
      `by thirds: daemon ${text("rss")} MiB resident, ${counts("descriptors")} descriptors; shims ${text("shimPrivate")} MiB private, ${counts("shimDescriptors")} descriptors`,
    ],
    broken,
  };
}
