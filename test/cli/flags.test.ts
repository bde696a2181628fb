import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLine, type FlagSpec } from "../../src/cli/flags.ts";

const specs: readonly FlagSpec[] = [
  { name: "rm", kind: "boolean", summary: "" },
  { name: "interactive", short: "i", kind: "boolean", summary: "" },
  { name: "tty", short: "t", kind: "boolean", summary: "" },
  { name: "publish", short: "p", kind: "list", summary: "" },
  { name: "name", kind: "string", summary: "" },
  { name: "memory", short: "m", kind: "bytes", summary: "" },
  { name: "sig-proxy", kind: "boolean", default: "true", summary: "" },
];

test("values stand after a space or an equals sign, and switches take none", () => {
  const { flags, positionals } = parseLine(specs, ["--name", "a", "--rm", "image"], true);
  assert.deepEqual(
    [flags.string("name"), flags.boolean("rm"), positionals],
    ["a", true, ["image"]],
  );
  assert.equal(parseLine(specs, ["--name=b=c"], true).flags.string("name"), "b=c");
  assert.equal(parseLine(specs, ["--rm=false"], true).flags.boolean("rm"), false);
  assert.equal(parseLine(specs, ["--sig-proxy=0"], true).flags.boolean("sig-proxy"), false);
});

test("short flags merge, and the last one may carry its value", () => {
  const { flags } = parseLine(specs, ["-it", "-p8080:80", "-p", "53:53/udp", "-ip=1:1"], true);
  assert.deepEqual(flags.list("publish"), ["8080:80", "53:53/udp", "1:1"]);
  assert.equal(flags.boolean("interactive") && flags.boolean("tty"), true);
});

test("the first word ends the flags of a command that runs another", () => {
  assert.deepEqual(parseLine(specs, ["image", "ls", "--rm", "-x"], true).positionals, [
    "image",
    "ls",
    "--rm",
    "-x",
  ]);
  assert.deepEqual(parseLine(specs, ["a", "--rm", "b"], false).positionals, ["a", "b"]);
  assert.deepEqual(parseLine(specs, ["a", "--", "--rm"], false).positionals, ["a", "--rm"]);
});

test("what cannot be understood is said in Docker's words, with the nearest flag", () => {
  assert.throws(() => parseLine(specs, ["--nmae", "x"], true), {
    message: "unknown flag: --nmae",
    hint: /--name/,
  });
  assert.throws(() => parseLine(specs, ["-ix"], true), {
    message: "unknown shorthand flag: 'x' in -ix",
  });
  assert.throws(() => parseLine(specs, ["--name"], true), {
    message: "flag needs an argument: --name",
  });
  assert.throws(() => parseLine(specs, ["-m", "lots"], true), {
    message: `invalid argument "lots" for "-m, --memory" flag: invalid size: 'lots'`,
  });
});
