import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkRecord } from "../../../src/domain/network.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { worker } from "../../../src/servers/buildkit/control/worker.ts";
import { readOptions } from "../../../src/servers/buildkit/front-end/options.ts";
import { bridge } from "../docker/fake-engine.ts";

function epochOf(text: string): number | null {
  return readOptions(new Map([["build-arg:SOURCE_DATE_EPOCH", text]])).epoch;
}

test("an epoch that no image can name is refused before anything is built", () => {
  assert.equal(epochOf("253402300799"), 253_402_300_799);
  for (const wrong of ["253402300800", "999999999999999", "-1", "1e3", "0x10"]) {
    assert.throws(() => epochOf(wrong), { code: "BUILD_OPTION" });
  }
});

test("further hosts are names with addresses, in the form of clients old and new", () => {
  const hostsOf = (text: string): readonly string[] =>
    readOptions(new Map([["add-hosts", text]])).extraHosts;
  assert.deepEqual(hostsOf("One=192.0.2.7,two:192.0.2.8,six=::1,again=[::2],up=host-gateway"), [
    ...["one:192.0.2.7", "two:192.0.2.8", "six:::1", "again:::2", "up:host-gateway"],
  ]);
  for (const wrong of [
    "name",
    "name=",
    "=192.0.2.7",
    "a=192.0.2.7\n192.0.2.8\tb",
    "a b=::1",
    "a=fe80::1%lo",
  ]) {
    assert.throws(() => hostsOf(wrong), { code: "BUILD_OPTION" });
  }
});

test("clients learn what host-gateway stands for", () => {
  const list = (): readonly NetworkRecord[] => [bridge];
  const { labels } = worker({ networks: { list } as Engine["networks"] });
  const label = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";
  assert.equal(labels?.get(label), "172.30.0.1");
});
