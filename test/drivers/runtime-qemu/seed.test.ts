import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeSeed } from "../../../src/drivers/runtime-qemu/seed.ts";
import type { WorkloadMount } from "../../../src/domain/runtime.ts";
import { never } from "../../../src/kit/abort.ts";
import { isoDisk } from "../../../src/kit/iso9660.ts";
import { run } from "../../../src/kit/subprocess.ts";

const id = "5eed".repeat(16);

describe("what a machine is told at its start", () => {
  let folder: string;
  let count = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "duet-seed-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function place(): Promise<string> {
    const path = join(folder, `${count++}`);
    await mkdir(path);
    return path;
  }

  async function seed(mounts: Readonly<Record<string, string>>): Promise<string | null> {
    const all = Object.entries(mounts).map(([target, source]): WorkloadMount => ({
      kind: "bind",
      source,
      target,
      readonly: true,
      propagation: "",
      nonRecursive: false,
      readonlyDepth: "usual",
      options: [],
    }));
    return await writeSeed({ id, hostname: "box", mounts: all }, await place(), process.getuid!());
  }

  test("is a disk that is found by the label cidata, the same each time", async () => {
    const own = await place();
    await writeFile(join(own, "user-data"), "#cloud-config\n");
    await writeFile(join(own, "README"), "for people");
    const [first, second] = [await seed({ "/cidata": own }), await seed({ "/cidata": own })];
    assert.ok(first !== null && second !== null);
    const { stdout } = await run("blkid", ["-p", "-o", "export", first], { signal: never });
    assert.match(stdout.toString(), /^LABEL=cidata$/m);
    assert.match(stdout.toString(), /^TYPE=iso9660$/m);
    const bytes = await readFile(first);
    assert.ok(bytes.equals(await readFile(second)));
    const text = bytes.toString("latin1");
    assert.ok(text.includes(`instance-id: ${id}\nlocal-hostname: box\n`));
    assert.ok(!text.includes("for people"), "nothing but what NoCloud knows");
  });

  test("is made of single files as well, over those of a folder; and of nothing where nothing is asked for", async () => {
    const own = await place();
    await writeFile(join(own, "meta-data"), "instance-id: of-the-folder\n");
    await writeFile(join(own, "other"), "instance-id: of-the-file\n");
    const path = await seed({ "/cidata": own, "/cidata/meta-data": join(own, "other") });
    const text = (await readFile(path!)).toString("latin1");
    assert.ok(text.includes("of-the-file") && !text.includes("of-the-folder"));
    assert.equal(await seed({}), null);
  });

  test("is refused where it is no plain file of a size to be read", async () => {
    const [empty, linked, large] = [await place(), await place(), await place()];
    await symlink("/etc/shadow", join(linked, "user-data"));
    await writeFile(join(large, "user-data"), "");
    await truncate(join(large, "user-data"), 2 ** 40);
    const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
      [{ "/cidata": empty }, /has none of/],
      [{ "/cidata": linked }, /is a link/],
      [{ "/cidata": large }, /over 1 MiB/],
      [{ "/cidata/user-data": join(empty, "missing") }, /ENOENT/],
      [{ "/cidata/user-data": empty }, /is no file/],
      [{ "/cidata/user-data": "/dev/zero" }, /is no file/],
    ];
    for (const [mounts, message] of cases)
      await assert.rejects(seed(mounts), { class: "invalid", code: "SEED_INVALID", message });
  });

  test("has no room for other names, or for more than a folder's", () => {
    const content = Buffer.alloc(0);
    assert.throws(() => isoDisk("x", [{ name: "a/b", content }]), /no name/);
    const many = Array.from({ length: 60 }, (_, index) => ({ name: `file-${index}`, content }));
    assert.throws(() => isoDisk("x", many), /too many files/);
  });
});
