/** The last second of the year 9999: what images say of later times can nobody read. */
const latest = 253_402_300_799;

/** SOURCE_DATE_EPOCH in seconds; undefined for what is none. */
export function parseEpoch(text: string): number | undefined {
  const seconds = Number(text);
  return /^\d{1,12}$/.test(text) && seconds <= latest ? seconds : undefined;
}
