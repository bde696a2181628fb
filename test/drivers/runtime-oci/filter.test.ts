import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileFilter } from "../../../src/drivers/runtime-oci/filter/compile.ts";
import { decisionsOf } from "../../../src/drivers/runtime-oci/filter/rules.ts";
import { filterArchitecture } from "../../../src/drivers/runtime-oci/filter/syscall-numbers.ts";
import type { OciSeccomp } from "../../../src/drivers/runtime-oci/oci-spec.ts";
import { resolveSeccomp } from "../../../src/drivers/runtime-oci/seccomp.ts";

const allow = 0x7fff0000;
const refuse = (errno: number): number => 0x50000 | errno;
const kill = 0;
const x64 = 0xc000003e;
const x86 = 0x40000003;

interface Call {
  readonly audit: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

/** What the kernel's interpreter answers: the classic BPF that seccomp(2) allows. */
function interpret(filter: Buffer, call: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number >>> 0, 0);
  data.writeUInt32LE(call.audit, 4);
  for (const [index, value] of (call.args ?? []).entries())
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; ; at += 1) {
    const code = filter.readUInt16LE(at * 8);
    const value = filter.readUInt32LE(at * 8 + 4);
    const jump = (taken: boolean): void => {
      at += filter.readUInt8(at * 8 + (taken ? 2 : 3));
    };
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x05) at += value;
    else if (code === 0x15) jump(accumulator === value);
    else if (code === 0x25) jump(accumulator > value);
    else if (code === 0x35) jump(accumulator >= value);
    else if (code === 0x06) return value;
    else throw new Error(`instruction ${code}`);
  }
}

function profile(
  syscalls: OciSeccomp["syscalls"],
  architectures = ["SCMP_ARCH_X86_64"],
): OciSeccomp {
  return { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, architectures, syscalls };
}

function answers(seccomp: OciSeccomp): (call: Call) => number {
  const filter = compileFilter(seccomp);
  assert.ok(filter !== undefined);
  return (call) => interpret(filter, call);
}

const defaultFacts = { capabilities: ["CAP_CHOWN"], architecture: "amd64", kernel: "6.1.0" };

describe("the filter of system calls", () => {
  test("of the default profile decides every number of every architecture as the profile says", () => {
    const seccomp = resolveSeccomp("default", defaultFacts)!;
    const answer = answers(seccomp);
    const decisions = decisionsOf(seccomp)!;
    for (const name of seccomp.architectures) {
      const { audit, numbers } = filterArchitecture(name)!;
      const named = new Map([...numbers].map(([word, number]) => [number, word]));
      const newest = Math.max(...[...decisions.keys()].map((word) => numbers.get(word) ?? 0));
      for (let number = 0; number <= newest + 50; number += 1) {
        const decision = decisions.get(named.get(number) ?? "");
        if (decision !== undefined && decision.when.length > 0) continue;
        const wanted = number > newest ? refuse(38) : (decision?.verdict ?? refuse(1));
        assert.equal(answer({ audit, number }), wanted, `${name} ${number}`);
      }
    }
  });

  test("of the default profile lets no AF_ALG or AF_VSOCK socket through, and no new namespace", () => {
    const answer = answers(resolveSeccomp("default", defaultFacts)!);
    for (const [family, wanted] of [
      [2n, allow],
      [16n, allow],
      [38n, refuse(1)],
      [39n, allow],
      [40n, refuse(1)],
      [45n, allow],
      /* The kernel reads an int: what stands above it must not decide. */
      [(1n << 32n) | 2n, allow],
      [(1n << 32n) | 38n, refuse(1)],
      [(1n << 32n) | 40n, refuse(1)],
    ] as const)
      assert.equal(answer({ audit: x64, number: 41, args: [family] }), wanted, String(family));
    const newUser = 0x10000000n;
    assert.equal(answer({ audit: x64, number: 56, args: [newUser] }), refuse(1));
    assert.equal(answer({ audit: x64, number: 56, args: [0x11n] }), allow);
    assert.equal(answer({ audit: x64, number: 435 }), refuse(38));
  });

  test("answers other architectures, and x32 where it is not asked for, with death", () => {
    const seccomp = profile([{ names: ["read"], action: "SCMP_ACT_ALLOW" }]);
    const answer = answers(seccomp);
    assert.equal(answer({ audit: x64, number: 0 }), allow);
    assert.equal(answer({ audit: x86, number: 3 }), kill);
    assert.equal(answer({ audit: x64, number: 0x40000000 }), kill);
    assert.equal(answer({ audit: x64, number: -1 }), refuse(1));
    const both = answers(
      profile(seccomp.syscalls, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
    );
    assert.equal(both({ audit: x86, number: 3 }), allow);
    assert.equal(both({ audit: x64, number: 0x40000000 }), allow);
    assert.equal(both({ audit: x64, number: 0x40000001 }), refuse(38));
  });

  test("compares all 64 bits of an argument, in every way there is", () => {
    const around = [
      0n,
      1n,
      5n,
      6n,
      7n,
      1n << 32n,
      (1n << 32n) + 6n,
      (7n << 32n) + 5n,
      (1n << 64n) - 1n,
    ];
    const limits = [6, 2 ** 32 + 6, 2 ** 32];
    const holds: Record<string, (value: bigint, limit: bigint) => boolean> = {
      EQ: (value, limit) => value === limit,
      NE: (value, limit) => value !== limit,
      LT: (value, limit) => value < limit,
      LE: (value, limit) => value <= limit,
      GT: (value, limit) => value > limit,
      GE: (value, limit) => value >= limit,
    };
    for (const [op, hold] of Object.entries(holds)) {
      for (const limit of limits) {
        const answer = answers(
          profile([
            {
              names: ["read"],
              action: "SCMP_ACT_ALLOW",
              args: [{ index: 1, value: limit, op: `SCMP_CMP_${op}` }],
            },
          ]),
        );
        for (const value of around) {
          const wanted = hold(value, BigInt(limit)) ? allow : refuse(1);
          assert.equal(
            answer({ audit: x64, number: 0, args: [0n, value] }),
            wanted,
            `${value} ${op} ${limit}`,
          );
        }
      }
    }
  });

  test("holds all conditions of a rule together, and several on one argument as alternatives", () => {
    const condition = (index: number, value: number) => ({ index, value, op: "SCMP_CMP_EQ" });
    const rule = (args: OciSeccomp["syscalls"][number]["args"] & object) =>
      answers(profile([{ names: ["read"], action: "SCMP_ACT_ALLOW", args }]));
    const together = rule([condition(0, 1), condition(1, 2)]);
    assert.equal(together({ audit: x64, number: 0, args: [1n, 2n] }), allow);
    assert.equal(together({ audit: x64, number: 0, args: [1n, 3n] }), refuse(1));
    const either = rule([condition(0, 1), condition(0, 2)]);
    assert.equal(either({ audit: x64, number: 0, args: [2n] }), allow);
    assert.equal(either({ audit: x64, number: 0, args: [3n] }), refuse(1));
  });

  test("is left to the runtime where rules contradict each other or need a supervisor", () => {
    const rules = (...actions: string[]) =>
      compileFilter(profile(actions.map((action) => ({ names: ["read"], action }))));
    assert.equal(rules("SCMP_ACT_ALLOW", "SCMP_ACT_KILL"), undefined);
    assert.equal(rules("SCMP_ACT_NOTIFY"), undefined);
    assert.equal(compileFilter(profile([], ["SCMP_ARCH_S390X"])), undefined);
    assert.equal(compileFilter(profile([], [])), undefined);
  });
});
