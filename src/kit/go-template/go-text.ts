/** A value as Go's fmt prints it with %v: `[a b]`, `map[k:v]`, `<no value>` for nothing. */
export function goText(value: unknown): string {
  if (value === undefined || value === null) return "<no value>";
  return nested(value);
}

function nested(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(nested).join(" ")}]`;
  if (typeof value === "object") {
    const keys = Object.keys(value).toSorted();
    return `map[${keys.map((key) => `${key}:${nested(Reflect.get(value, key))}`).join(" ")}]`;
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Go's truth of a value: empty, zero, false and nothing are false. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** JSON as Go's encoder writes it by default: <, > and & escaped. Functions are left out. */
export function goJson(value: unknown, indent?: number): string {
  return JSON.stringify(value ?? null, null, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
