import assert from "node:assert/strict";
import { test } from "node:test";
import { commandHelp } from "../../src/cli/help.ts";
import { commandTable } from "../../src/cli/table.ts";

test("no two commands share a name", () => {
  const names = commandTable.flatMap((entry) => entry.names);
  assert.equal(new Set(names).size, names.length);
});

for (const entry of commandTable) {
  test(`${entry.names[0]} has help with an example, and flags that do not clash`, async () => {
    const { command } = await entry.load();
    assert.ok(command.examples.length > 0);
    for (const { line } of command.examples) assert.match(line, /duet/);
    const names = command.flags.map((flag) => flag.name);
    const shorts = command.flags.flatMap((flag) => (flag.short === undefined ? [] : [flag.short]));
    assert.equal(new Set(names).size, names.length, "flag names");
    assert.equal(new Set(shorts).size, shorts.length, "short flags");
    const help = commandHelp(entry, command, 80);
    for (const line of help.split("\n").filter((text) => text.startsWith("      --")))
      assert.ok(line.length <= 90, line);
  });
}
