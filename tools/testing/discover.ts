/** How a test file is run. */
export interface TestFile {
  readonly path: string;
  /** Nothing else runs beside it: it measures, or it needs all of the host. */
  readonly alone: boolean;
  /** Milliseconds after which the whole file counts as failed. */
  readonly timeout: number;
}

/** Folders whose tests run programs of the host, and how long one of their files may take. */
const timeouts: readonly (readonly [folder: string, minutes: number])[] = [
  ["test/e2e/", 30],
  ["test/suites/", 30],
  ["test/attacks/", 25],
  ["test/faults/", 30],
  ["test/conformance/", 30],
  ["test/images/", 20],
  ["test/drivers/runtime-", 25],
];
/** A limit is for what hangs: a busy host may take many times as long as a quiet one. */
const otherwiseMinutes = 10;

/**
 * Test files among `paths`, in the order to run: quick units first, so that a simple mistake shows
 * early. Files named `*.alone.test.ts` run by themselves at the end; `*.slow.test.ts` only when
 * `slow` asks for them. `wanted`, when not empty, keeps paths that contain one of its texts.
 */
export function discoverTests(
  paths: readonly string[],
  options: { readonly slow: boolean; readonly wanted: readonly string[] },
): TestFile[] {
  return paths
    .filter((path) => path.startsWith("test/") && path.endsWith(".test.ts"))
    .filter((path) => options.slow || !path.endsWith(".slow.test.ts"))
    .filter(
      (path) => options.wanted.length === 0 || options.wanted.some((text) => path.includes(text)),
    )
    .map((path) => ({
      path,
      alone: path.endsWith(".alone.test.ts"),
      timeout: minutesFor(path) * 60_000,
    }))
    .toSorted((left, right) => left.timeout - right.timeout || (left.path < right.path ? -1 : 1));
}

function minutesFor(path: string): number {
  return timeouts.find(([folder]) => path.startsWith(folder))?.[1] ?? otherwiseMinutes;
}
