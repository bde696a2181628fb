const units: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4 };

/** Bytes of `20g` or `500MB`, in powers of 1024 as Docker's clients read them; undefined for anything else. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d{1,15})\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const power = units[(match?.[2] ?? "").toLowerCase()];
  if (match === null || power === undefined) return undefined;
  const bytes = Number(match[1]) * 1_024 ** power;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
