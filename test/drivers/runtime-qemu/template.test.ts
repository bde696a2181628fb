import assert from "node:assert/strict";
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { kvmGroup } from "../../../src/drivers/runtime-qemu/kvm.ts";
import type { Log } from "../../../src/kit/log.ts";
import { deadline, Workbench } from "../../suites/runtime/harness.ts";
import { Place } from "./place.ts";

test("a VM is booted where its template is damaged, and the template is made anew", async () => {
  const warnings: string[] = [];
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (event) => void warnings.push(event),
    error: () => undefined,
    part: () => log,
  };
  const place = await Place.make({ poolSize: 0, log });
  const runtime = await place.runtime();
  try {
    await runtime.warm(deadline(600_000));
    const templates = join(place.dependencies.dataDirectory, "templates");
    const [name = ""] = await readdir(templates);
    await writeFile(join(templates, name, "state"), "no state of a machine");
    await using workbench = new Workbench({
      runtime,
      later: () => place.runtime(),
      root: () => place.root(),
      leaks: (ids) => place.leaks(ids),
      close: () => Promise.resolve(),
      smallMemory: 0,
    });
    const running = await workbench.run({ argv: ["echo", "booted"] });
    await running.output.ended;
    assert.equal(running.output.stdout, "booted\n");
    assert.ok(warnings.includes("clone-failed"), warnings.join());
    assert.deepEqual(await readdir(templates), []);
  } finally {
    await runtime.close();
    assert.deepEqual(await place.remains(), []);
    await place.close();
  }
});

test("a VM's user is given the group of KVM's device, and only where it needs one", async () => {
  const folder = await mkdtemp("/tmp/dk-");
  const path = join(folder, "kvm");
  try {
    await writeFile(path, "");
    await chown(path, 0, 4242);
    for (const [mode, group] of [
      [0o660, 4242],
      [0o666, undefined],
      [0o600, undefined],
    ] as const) {
      await chmod(path, mode);
      assert.equal(await kvmGroup(path), group);
    }
    await chown(path, 0, 0);
    await chmod(path, 0o660);
    assert.equal(await kvmGroup(path), undefined);
  } finally {
    await rm(folder, { recursive: true });
  }
});
