import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../../../src/drivers/network/address.ts";
import {
  addressResponse,
  answers,
  nameResponse,
  readQuestion,
  recordType,
  reverseAddressText,
} from "../../../src/drivers/network/dns/message.ts";

function query(labels: readonly Uint8Array[], type = recordType.a as number): Buffer {
  const name = labels.flatMap((label) => [Buffer.of(label.length), label]);
  const tail = Buffer.from([0, 0, type, 0, 1]);
  return Buffer.concat([Buffer.from("abcd01000001000000000000", "hex"), ...name, tail]);
}

test("whatever bytes arrive, reading them ends and gives a question or nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      const question = readQuestion(Buffer.from(bytes));
      assert.ok(question === undefined || question.section.length <= bytes.length);
    }),
    { numRuns: 2_000 },
  );
});

test("a question with any byte changed or cut is never read past its end", () => {
  const good = query([Buffer.from("web"), Buffer.from("example")]);
  fc.assert(
    fc.property(fc.nat(good.length), fc.nat(good.length - 1), fc.nat(255), (size, at, value) => {
      const bad = Buffer.from(good);
      bad[at] = value;
      const question = readQuestion(bad.subarray(0, size));
      assert.ok(question === undefined || 12 + question.section.length <= size);
    }),
    { numRuns: 2_000 },
  );
});

test("names are read without regard to case, and foreign bytes make no name", () => {
  assert.equal(readQuestion(query([Buffer.from("WeB")]))?.name, "web");
  assert.equal(readQuestion(query([Buffer.from("a.b")]))?.name, undefined);
  assert.equal(readQuestion(query([Buffer.of(0xff)]))?.name, undefined);
  assert.equal(readQuestion(query([Buffer.alloc(64, 97)])), undefined);
  assert.equal(
    readQuestion(query(Array.from({ length: 5 }, () => Buffer.alloc(63, 97)))),
    undefined,
  );
});

test("a response holds as many addresses as fit 512 bytes, and belongs to its question alone", () => {
  const question = readQuestion(query([Buffer.from("web")])) ?? assert.fail();
  const address = parseAddress("192.0.2.1") ?? assert.fail();
  const response = addressResponse(
    question,
    Array.from({ length: 100 }, () => address),
  );
  assert.ok(response.length <= 512);
  assert.equal(response.readUInt16BE(6), (response.length - 12 - question.section.length) / 16);
  assert.equal(answers(response, 0xabcd, question.section), true);
  assert.equal(answers(response, 0xabce, question.section), false);
  const other = readQuestion(query([Buffer.from("wab")])) ?? assert.fail();
  assert.equal(answers(response, 0xabcd, other.section), false);
  assert.equal(nameResponse(question, "one").readUInt16BE(6), 1);
});

test("reverse names of both families lead to addresses", () => {
  assert.equal(reverseAddressText("2.0.17.172.in-addr.arpa"), "172.17.0.2");
  const text = reverseAddressText(`1.${"0.".repeat(30)}f.ip6.arpa`) ?? assert.fail();
  assert.deepEqual(parseAddress(text), parseAddress("f000::1"));
  assert.equal(reverseAddressText("web"), undefined);
});
