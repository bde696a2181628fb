/**
 * Bytes of `512`, `64m`, `1.5GiB` or `20 GB` as docker/go-units reads them: in powers of 1024 (its RAMInBytes), or of
 * 1000 (its FromHumanSize). undefined for anything else, and beyond 2⁵³ - 1.
 */
export function parseByteSize(text: string, unit: 1_000 | 1_024 = 1_024): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{0,15})?) ?(?:b|([kmgtp])(?:i?b)?)?$/i.exec(text);
  if (match === null) return undefined;
  const power = " kmgtp".indexOf(match[2]?.toLowerCase() ?? " ");
  const bytes = Math.floor(Number(match[1]) * unit ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
