import type { ImageCase, Layer, Member } from "./member.ts";

/** Simpler values that a member is tried with, one after another. */
const plain: Partial<Member> = {
  lead: "",
  trail: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  seconds: 1_600_000_000,
  nanoseconds: 0,
  size: 0,
  attributes: [],
  format: "pax",
};

/** The smallest case that is still `bad`, by way of `simpler` ones, as far as `tries` reach. */
export async function shrunk<Case>(
  found: Case,
  simpler: (one: Case) => Iterable<Case>,
  bad: (one: Case) => Promise<boolean>,
  tries: number,
): Promise<Case> {
  let best = found;
  let left = tries;
  for (let again = true; again && left > 0;) {
    again = false;
    for (const candidate of simpler(best)) {
      if ((left -= 1) < 0) break;
      if (!(await bad(candidate))) continue;
      best = candidate;
      again = true;
      break;
    }
  }
  return best;
}

/** With layers and members left out, and with plainer values. */
export function* simplerImages(one: ImageCase): Generator<ImageCase> {
  const { layers } = one;
  if (one.way !== "docker-archive") yield { ...one, way: "docker-archive" };
  if (layers.length > 1)
    for (const index of layers.keys()) yield { ...one, layers: layers.toSpliced(index, 1) };
  for (const [index, layer] of layers.entries())
    for (const other of simplerLayers(layer)) yield { ...one, layers: layers.with(index, other) };
}

function* simplerLayers(layer: Layer): Generator<Layer> {
  const { members } = layer;
  const half = Math.ceil(members.length / 2);
  if (members.length > 2) {
    yield { ...layer, members: members.slice(half) };
    yield { ...layer, members: members.slice(0, half) };
  }
  for (const index of members.keys()) yield { ...layer, members: members.toSpliced(index, 1) };
  if (layer.compression !== "none") yield { ...layer, compression: "none" };
  if (layer.end !== "two") yield { ...layer, end: "two" };
  for (const [index, member] of members.entries()) {
    for (const [key, value] of Object.entries(plain)) {
      const was = member[key as keyof Member];
      if (JSON.stringify(was) === JSON.stringify(value)) continue;
      yield { ...layer, members: members.with(index, { ...member, [key]: value }) };
    }
  }
}
