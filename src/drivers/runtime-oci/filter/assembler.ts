import { DuetError } from "../../../kit/errors.ts";

/** Classic BPF, as linux/filter.h and seccomp(2) have it. */
const operation = {
  load: 0x20,
  and: 0x54,
  jump: 0x05,
  jumpEqual: 0x15,
  jumpGreater: 0x25,
  jumpGreaterEqual: 0x35,
  answer: 0x06,
} as const;

const instructionBytes = 8;
const nearest = 255;

/** A place in a program that is named before it is known. */
export interface Label {
  position: number | undefined;
}

interface Instruction {
  readonly code: number;
  readonly value: number;
  readonly yes?: Label | undefined;
  readonly no?: Label | undefined;
  readonly far?: Label | undefined;
}

export type Comparison = "jumpEqual" | "jumpGreater" | "jumpGreaterEqual";

/** Collects instructions and resolves their jumps, which BPF allows forwards only. */
export class Assembler {
  private readonly instructions: Instruction[] = [];

  /** Loads a word of `struct seccomp_data` at this offset. */
  load(offset: number): void {
    this.instructions.push({ code: operation.load, value: offset });
  }

  and(mask: number): void {
    this.instructions.push({ code: operation.and, value: mask });
  }

  /** Without a label it goes on with the next instruction. Labels are at most 255 instructions away. */
  compare(comparison: Comparison, value: number, yes?: Label, no?: Label): void {
    this.instructions.push({ code: operation[comparison], value, yes, no });
  }

  /** However far. */
  jump(far: Label): void {
    this.instructions.push({ code: operation.jump, value: 0, far });
  }

  answer(verdict: number): void {
    this.instructions.push({ code: operation.answer, value: verdict });
  }

  /** The label is here, before the next instruction. */
  place(label: Label): void {
    label.position = this.instructions.length;
  }

  get length(): number {
    return this.instructions.length;
  }

  /** `struct sock_filter`, one after the other, little-endian. */
  bytes(): Buffer {
    const bytes = Buffer.alloc(this.instructions.length * instructionBytes);
    for (const [index, { code, value, yes, no, far }] of this.instructions.entries()) {
      const at = index * instructionBytes;
      bytes.writeUInt16LE(code, at);
      bytes.writeUInt8(distance(index, yes, nearest), at + 2);
      bytes.writeUInt8(distance(index, no, nearest), at + 3);
      bytes.writeUInt32LE(far === undefined ? value : distance(index, far, 0xffff_ffff), at + 4);
    }
    return bytes;
  }
}

function distance(from: number, label: Label | undefined, most: number): number {
  if (label === undefined) return 0;
  const distance = (label.position ?? -1) - from - 1;
  if (distance >= 0 && distance <= most) return distance;
  throw new DuetError("internal", "FILTER_JUMP", `a jump of ${distance} instructions in a filter`);
}
