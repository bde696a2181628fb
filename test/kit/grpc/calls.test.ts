import assert from "node:assert/strict";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { DuetError } from "../../../src/kit/errors.ts";
import { bytes, int, list, map, message, method, string } from "../../../src/spec/protobuf.ts";
import { streaming, twoWay, unary } from "../../../src/kit/grpc/server.ts";
import { StatusError } from "../../../src/kit/grpc/status.ts";
import { GrpcPair } from "./pair.ts";

const note = message({
  text: string(1),
  data: bytes(2),
  numbers: list(int(3)),
  words: map(4, string(1)),
});
const echo = method("/test.Notes/Echo", note, note);

test("a call carries text, bytes, lists and maps both ways, whatever their size", async () => {
  await using pair = await GrpcPair.of(unary(echo, (request) => request));
  const data = Buffer.alloc(5 << 20, 7);
  const request = { text: "ä%\n", data, numbers: [0, -1, 2 ** 40], words: new Map([["a", "b"]]) };
  const answer = await pair.client.call(echo, request, never);
  assert.deepEqual(answer, request);
});

test("streams run both ways at once, and hold each other back", async () => {
  const up = twoWay(echo, async function* (requests) {
    for await (const { data } of requests) yield { data };
  });
  await using pair = await GrpcPair.of(up);
  const call = pair.client.open(echo, {}, never);
  const chunk = Buffer.alloc(1 << 20, 1);
  const sending = (async () => {
    for (let count = 0; count < 24; count += 1) await call.send({ data: chunk });
    call.end();
  })();
  let received = 0;
  for await (const { data } of call.responses) received += data.length;
  await sending;
  assert.equal(received, 24 << 20);
});

test("failures arrive with code, message and details", async () => {
  const detail = { typeUrl: "example.com/Detail", value: Buffer.from("{}") };
  await using pair = await GrpcPair.of(
    unary(echo, ({ text }) => {
      if (text === "typed") throw new StatusError(2, "naïve 100% \u{1f600}\nend", [detail]);
      throw new DuetError("not-found", "THING_MISSING", "no such thing", {
        hint: "look elsewhere",
      });
    }),
  );
  const failure = async (text: string): Promise<StatusError> => {
    const thrown = await pair.client.call(echo, { text }, never).catch((error: unknown) => error);
    assert.ok(thrown instanceof StatusError);
    return thrown;
  };
  const typed = await failure("typed");
  assert.deepEqual(typed.status, {
    code: 2,
    message: "naïve 100% \u{1f600}\nend",
    details: [detail],
  });
  assert.deepEqual((await failure("")).status, {
    code: 5,
    message: "no such thing\nlook elsewhere",
    details: [],
  });
});

test("a method that is not there is told so, and the connection goes on", async () => {
  await using pair = await GrpcPair.of(unary(echo, () => ({ text: "here" })));
  const absent = method("/test.Notes/Absent", note, note);
  await assert.rejects(
    pair.client.call(absent, {}, never),
    /unknown service test\.Notes or method Absent/,
  );
  assert.equal((await pair.client.call(echo, {}, never)).text, "here");
});

test("who cancels a call ends the other side's work on it", async () => {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  const stay = streaming(echo, async function* (_, call) {
    yield { text: "begun" };
    await new Promise((go) => call.signal.addEventListener("abort", go));
    resolve(call.signal.reason);
  });
  await using pair = await GrpcPair.of(stay);
  const controller = new AbortController();
  const call = pair.client.open(echo, {}, controller.signal);
  await call.send({});
  const reason = new DuetError("canceled", "CANCELED", "enough");
  const reading = (async () => {
    for await (const { text } of call.responses) {
      assert.equal(text, "begun");
      controller.abort(reason);
    }
  })();
  await assert.rejects(reading, (error) => error === reason);
  assert.ok((await ended) instanceof DuetError);
});

test("a connection that ends fails the calls on it, and later ones", async () => {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const stay = streaming(echo, async function* (_, call) {
    yield { text: "begun" };
    resolve();
    await new Promise((go) => call.signal.addEventListener("abort", go));
  });
  const pair = await GrpcPair.of(stay);
  const waiting = pair.client.call(echo, {}, never);
  waiting.catch(() => undefined);
  await begun;
  await pair[Symbol.asyncDispose]();
  await assert.rejects(waiting);
  await assert.rejects(pair.client.call(echo, {}, never), /no active session|has left/);
});
