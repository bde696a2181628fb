/** The list, or undefined when it is empty. */
export function some<T>(list: readonly T[]): T[] | undefined {
  return list.length === 0 ? undefined : [...list];
}

/** The record, or undefined when it has no keys. */
export function someKeys<T extends object>(record: T): T | undefined {
  return Object.keys(record).length === 0 ? undefined : record;
}
