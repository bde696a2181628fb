import type { OciSeccomp, SeccompArgument } from "../oci-spec.ts";
import { Assembler, type Label } from "./assembler.ts";
import { decisionsOf, segmentsOf, verdictOf, verdicts, type Segment } from "./rules.ts";
import { filterArchitecture, type FilterArchitecture } from "./syscall-numbers.ts";

/** Offsets in `struct seccomp_data`, seccomp(2). */
const numberOffset = 0;
const architectureOffset = 4;
const argumentsOffset = 16;
const x32Bit = 0x40000000;
/** A tracer that skips a system call leaves -1 as its number. */
const skipped = 0xffff_ffff;
const mostInstructions = 4_096;

/**
 * The filter of system calls that a profile stands for, as `struct sock_filter`s for seccomp(2). undefined where
 * this compiler does not cover it: rules that contradict each other, actions that need a supervisor, foreign
 * architectures. What an architecture that the profile does not name calls is answered with death, as by
 * libseccomp.
 */
export function compileFilter(seccomp: OciSeccomp): Buffer | undefined {
  const otherwise = verdictOf(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const decisions = decisionsOf(seccomp);
  const architectures = seccomp.architectures.map(filterArchitecture);
  if (otherwise === undefined || decisions === undefined || architectures.length === 0)
    return undefined;
  const code = new Assembler();
  code.load(architectureOffset);
  for (const group of groups(architectures)) {
    if (group === undefined) return undefined;
    const next: Label = { position: undefined };
    const own: Label = { position: undefined };
    code.compare("jumpEqual", group[0]!.audit, own);
    code.jump(next);
    code.place(own);
    code.load(numberOffset);
    writeTree(code, lineOf(group, decisions, otherwise), { wide: group[0]!.wide, otherwise });
    code.place(next);
  }
  code.answer(verdicts.killThread);
  return code.length > mostInstructions ? undefined : code.bytes();
}

/** x32 shares its architecture with x86-64, and its arguments are compared as that one's. */
function groups(
  architectures: readonly (FilterArchitecture | undefined)[],
): readonly (readonly FilterArchitecture[] | undefined)[] {
  const byAudit = new Map<number, FilterArchitecture[]>();
  for (const architecture of architectures) {
    if (architecture === undefined) return [undefined];
    byAudit.set(architecture.audit, [...(byAudit.get(architecture.audit) ?? []), architecture]);
  }
  return [...byAudit.values()].map((group) => group.toSorted((a, b) => a.offset - b.offset));
}

function lineOf(
  group: readonly FilterArchitecture[],
  decisions: Parameters<typeof segmentsOf>[1],
  otherwise: number,
): readonly Segment[] {
  const line = group.flatMap((architecture) => segmentsOf(architecture, decisions, otherwise));
  const hasX32 = group.some(({ offset }) => offset === x32Bit);
  if (group[0]!.audit !== 0xc000003e || group[0]!.offset !== 0) return line;
  const foreign = { first: x32Bit, decision: { verdict: verdicts.killThread, when: [] } };
  const last = { first: skipped, decision: { verdict: otherwise, when: [] } };
  return [...line, ...(hasX32 ? [] : [foreign]), last];
}

interface Width {
  readonly wide: boolean;
  readonly otherwise: number;
}

/** A binary search over the number line: about nine comparisons for any call. */
function writeTree(code: Assembler, line: readonly Segment[], width: Width): void {
  if (line.length === 1) return writeDecision(code, line[0]!, width);
  const middle = line.length >> 1;
  const left: Label = { position: undefined };
  const right: Label = { position: undefined };
  code.compare("jumpGreaterEqual", line[middle]!.first, undefined, left);
  code.jump(right);
  code.place(left);
  writeTree(code, line.slice(0, middle), width);
  code.place(right);
  writeTree(code, line.slice(middle), width);
}

function writeDecision(code: Assembler, segment: Segment, width: Width): void {
  const { verdict, when } = segment.decision;
  for (const conditions of when) {
    const miss: Label = { position: undefined };
    for (const condition of conditions) writeCondition(code, condition, miss, width.wide);
    code.answer(verdict);
    code.place(miss);
  }
  code.answer(when.length === 0 ? verdict : width.otherwise);
}

/** Goes on where it holds, else to `miss`. */
function writeCondition(
  code: Assembler,
  { index, op, value, valueTwo }: SeccompArgument,
  miss: Label,
  wide: boolean,
): void {
  const offset = argumentsOffset + index * 8;
  const hit: Label = { position: undefined };
  const masked = op === "SCMP_CMP_MASKED_EQ";
  const mask = masked ? halves(value) : undefined;
  const wanted = halves(masked ? (valueTwo ?? 0) : value);
  const load = (word: "high" | "low"): void => {
    code.load(offset + (word === "high" ? 4 : 0));
    if (mask !== undefined) code.and(mask[word]);
  };
  const order = orders[op]!;
  if (wide) {
    load("high");
    if (order.above !== undefined)
      code.compare("jumpGreater", wanted.high, order.above ? hit : miss);
    code.compare("jumpEqual", wanted.high, undefined, order.unequal ? hit : miss);
  }
  load("low");
  const [yes, no] = order.negated ? [miss, hit] : [hit, miss];
  code.compare(order.comparison, wanted.low, yes, no);
  code.place(hit);
}

interface Order {
  /** Of the low halves, once the high ones are equal. */
  readonly comparison: "jumpEqual" | "jumpGreater" | "jumpGreaterEqual";
  readonly negated: boolean;
  /** Whether it holds where the high half is greater; undefined where greater is only unequal. */
  readonly above?: boolean;
  /** Whether it holds where the high halves differ (and the argument's is not the greater one, if that counts). */
  readonly unequal: boolean;
}

const orders: Readonly<Record<string, Order>> = {
  SCMP_CMP_EQ: { comparison: "jumpEqual", negated: false, unequal: false },
  SCMP_CMP_MASKED_EQ: { comparison: "jumpEqual", negated: false, unequal: false },
  SCMP_CMP_NE: { comparison: "jumpEqual", negated: true, unequal: true },
  SCMP_CMP_GT: { comparison: "jumpGreater", negated: false, above: true, unequal: false },
  SCMP_CMP_GE: { comparison: "jumpGreaterEqual", negated: false, above: true, unequal: false },
  SCMP_CMP_LT: { comparison: "jumpGreaterEqual", negated: true, above: false, unequal: true },
  SCMP_CMP_LE: { comparison: "jumpGreater", negated: true, above: false, unequal: true },
};

function halves(value: number): { readonly high: number; readonly low: number } {
  const whole = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  return { high: Number(whole >> 32n), low: Number(whole & 0xffff_ffffn) };
}
