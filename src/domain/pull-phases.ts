/**
 * What a pull spends its time on. Phases of different layers, and of one layer, run side by side: their
 * seconds together are more than the pull took where that went well.
 */
export const pullPhases = [
  /** What the name stands for is asked, its signatures are checked, the configuration comes. */
  "resolve",
  /** Waiting for bytes of layers from the registry. */
  "download",
  /** Computing digests, of layers as they come and unpacked. */
  "verify",
  /** Waiting for bytes that come out of a compressed layer, while there are some to go in. */
  "decompress",
  /** Writing layers as they came, and their files. */
  "write",
  /** Bringing to disk, and showing, what was whole and right. */
  "publish",
] as const;

export type PullPhase = (typeof pullPhases)[number];

/** Where the layers of a pull came from: the registry, another pull under way, or they were here. */
export const layerSources = ["registry", "other-pull", "here"] as const;

export type LayerSource = (typeof layerSources)[number];

/** Takes down what is spent on a pull's phases. */
export interface PhaseTally {
  spend(phase: PullPhase, milliseconds: number, bytes: number): void;
}

export interface PhaseShare {
  readonly seconds: number;
  /** Bytes that went through it. */
  readonly bytes: number;
}

/** What one pull of one name took. */
export interface PullTimings {
  /** From its beginning to its end. */
  readonly seconds: number;
  readonly phases: Readonly<Record<PullPhase, PhaseShare>>;
  readonly layers: Readonly<Record<LayerSource, number>>;
}

/** Runs `work` as a part of `phase`, also where it fails. */
export async function spending<T>(
  tally: PhaseTally | undefined,
  phase: PullPhase,
  work: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    tally?.spend(phase, performance.now() - start, 0);
  }
}
