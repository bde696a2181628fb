import { blockSize, tarInvalid, tarTooLarge, type SparseRegion } from "./entry.ts";
import { numberField } from "./block.ts";
import { paxInteger, type PaxRecords } from "./pax.ts";
import type { ByteSource } from "./source.ts";

/** The map of a sparse file and how many of the member's bytes were spent on telling it. */
export interface SparseMap {
  readonly regions: readonly SparseRegion[];
  readonly size: number;
  readonly mapBytes: number;
}

/** Old GNU format: four regions in the header at 386, more in blocks that follow (GNU tar manual, "Old GNU Format"). */
export async function oldGnuSparse(
  block: Buffer,
  source: ByteSource,
  limit: number,
): Promise<SparseMap> {
  const numbers: number[] = [];
  readOldGnuRegions(block, 386, 4, numbers);
  const size = numberField(block, 483, 12);
  let more = block[482] !== 0;
  while (more) {
    const next = await source.take(blockSize);
    if (next === undefined) throw tarInvalid("it ends in the middle of a sparse map");
    readOldGnuRegions(next, 0, 21, numbers);
    if (numbers.length / 2 > limit) throw tarTooLarge("a sparse map has too many regions");
    more = next[504] !== 0;
  }
  return { regions: checkRegions(numbers, size), size, mapBytes: 0 };
}

function readOldGnuRegions(block: Buffer, offset: number, count: number, numbers: number[]): void {
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * 24;
    if (block[at] === 0) return;
    numbers.push(numberField(block, at, 12), numberField(block, at + 12, 12));
  }
}

/** PAX formats 0.0, 0.1 and 1.0; undefined where the records tell of no sparse file. */
export async function paxSparse(
  pax: PaxRecords,
  source: ByteSource,
  storedSize: number,
  limit: number,
): Promise<SparseMap | undefined> {
  const major = pax.values.get("GNU.sparse.major")?.toString("latin1");
  const minor = pax.values.get("GNU.sparse.minor")?.toString("latin1");
  const map = pax.values.get("GNU.sparse.map");
  if (major === "1" && minor === "0") {
    const size = integer(pax, "GNU.sparse.realsize");
    return await readMapInData(source, size, storedSize, limit);
  }
  if (major !== undefined && !(major === "0" && (minor === "0" || minor === "1"))) {
    throw tarInvalid("a sparse format that is not known");
  }
  if (map === undefined && pax.sparsePairs.length === 0) return undefined;
  const size = integer(pax, "GNU.sparse.size");
  const texts = map === undefined ? pax.sparsePairs : splitMap(map);
  if (texts.length / 2 > limit) throw tarTooLarge("a sparse map has too many regions");
  const numbers = texts.map((text) => paxInteger(text, "the sparse map"));
  return { regions: checkRegions(numbers, size), size, mapBytes: 0 };
}

function splitMap(map: Buffer): Buffer[] {
  return map.length === 0
    ? []
    : map
        .toString("latin1")
        .split(",")
        .map((text) => Buffer.from(text));
}

function integer(pax: PaxRecords, key: string): number {
  const value = pax.values.get(key);
  if (value === undefined) throw tarInvalid(`a sparse file without ${key}`);
  return paxInteger(value, key);
}

async function readMapInData(
  source: ByteSource,
  size: number,
  storedSize: number,
  limit: number,
): Promise<SparseMap> {
  const lines = new LineReader(source, storedSize);
  const count = await lines.number();
  if (count > limit) throw tarTooLarge("a sparse map has too many regions");
  const numbers: number[] = [];
  for (let index = 0; index < count * 2; index += 1) numbers.push(await lines.number());
  return { regions: checkRegions(numbers, size), size, mapBytes: lines.consumed };
}

class LineReader {
  consumed = 0;
  private block: Buffer = Buffer.alloc(0);
  private position = 0;
  private readonly source: ByteSource;
  private readonly storedSize: number;

  constructor(source: ByteSource, storedSize: number) {
    this.source = source;
    this.storedSize = storedSize;
  }

  async number(): Promise<number> {
    let value = 0;
    for (let digits = 0; digits <= 16; digits += 1) {
      const byte = await this.byte();
      if (byte === 0x0a && digits > 0) return value;
      if (byte < 0x30 || byte > 0x39) break;
      value = value * 10 + (byte - 0x30);
    }
    throw tarInvalid("a sparse map is malformed");
  }

  private async byte(): Promise<number> {
    if (this.position === this.block.length) {
      if (this.consumed + blockSize > this.storedSize + blockSize - 1) {
        throw tarInvalid("a sparse map is longer than its member");
      }
      const next = await this.source.take(blockSize);
      if (next === undefined) throw tarInvalid("it ends in the middle of a sparse map");
      this.block = next;
      this.position = 0;
      this.consumed += blockSize;
    }
    const byte = this.block[this.position]!;
    this.position += 1;
    return byte;
  }
}

/** Regions must ascend without overlap and lie within the file; empty ones are dropped. */
function checkRegions(numbers: readonly number[], size: number): SparseRegion[] {
  if (numbers.length % 2 !== 0) throw tarInvalid("a sparse map is malformed");
  const regions: SparseRegion[] = [];
  let end = 0;
  for (let index = 0; index < numbers.length; index += 2) {
    const offset = numbers[index]!;
    const length = numbers[index + 1]!;
    if (offset < end || offset + length > size)
      throw tarInvalid("a sparse map does not fit its file");
    end = offset + length;
    if (length > 0) regions.push({ offset, size: length });
  }
  return regions;
}
