import type { FieldVersions } from "../../spec/docker/versions.ts";

/** `value` without the fields that `apiVersion` (1000 × major + minor) does not have. */
export function inVersion<T extends object>(
  value: T,
  versions: FieldVersions,
  apiVersion: number,
): T {
  const foreign = Object.entries(versions).filter(
    ([, { since = 0, until = Number.POSITIVE_INFINITY }]) =>
      apiVersion < since || apiVersion > until,
  );
  if (foreign.length === 0) return value;
  const names = new Set(foreign.map(([name]) => name));
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.has(name))) as T;
}
